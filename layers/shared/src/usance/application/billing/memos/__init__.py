"""Credit and debit line items: kept among the bill's line items, and through every calculation."""
