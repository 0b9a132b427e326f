"""Deployment units: one folder per Lambda function, each a file without decisions."""
