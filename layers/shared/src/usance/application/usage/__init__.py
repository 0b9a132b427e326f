"""Questions about usage."""
