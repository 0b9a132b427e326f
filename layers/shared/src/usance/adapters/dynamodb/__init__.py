"""Entities, bills, usage and events in DynamoDB."""
