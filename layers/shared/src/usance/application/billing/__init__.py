"""Bill jobs and bills: gather, decide, persist."""
