"""Sending bills and entities to external systems (docs/integrations.md)."""
