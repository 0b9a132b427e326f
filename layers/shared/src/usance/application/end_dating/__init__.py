"""Ending what an account or a contract has, in one call (billing.md 5.4)."""
