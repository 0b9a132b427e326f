"""What a statement says: the usage behind a bill's line items, by time and by dimension (billing.md 14)."""
