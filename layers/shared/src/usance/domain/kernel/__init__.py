"""What every context shares: errors, decimals, periods, identifiers."""
