"""Searches: entities by conditions over several fields (platform.md 1.11)."""
