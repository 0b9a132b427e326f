"""Use cases of balances: what moves them, what is left of them, and what their schedules will do (billing.md 9)."""
