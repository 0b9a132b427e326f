"""The official SDK against the running stack."""
