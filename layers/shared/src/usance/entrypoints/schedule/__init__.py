"""Functions that schedules run."""
