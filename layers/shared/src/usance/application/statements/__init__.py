"""Use cases of statements: jobs that make them, and the files they leave (billing.md 14)."""
