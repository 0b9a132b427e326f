"""Lookup tables: publishing revisions, and their items."""
