"""Commitments and balances as bills draw on them."""
