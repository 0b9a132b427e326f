"""Many events through the embedded stack while the store disturbs and processes are killed, reconciled to the last digit."""
