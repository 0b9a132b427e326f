"""Functions that SQS runs."""
