"""Use cases: one verb per file. Ports in, values out."""
