"""Bills and entities as external systems take them, as values: one file per system (platform.md 10; docs/integrations.md)."""
