"""Runs that bring bills and other entities to external systems (platform.md 10; docs/integrations.md)."""
