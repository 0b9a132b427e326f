"""Use cases of users, service users and groups, and of the policies attached to them (platform.md 3.2 to 5)."""
