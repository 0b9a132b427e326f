"""Units to money through pricing bands (billing.md 2). Knows no plans, accounts, bills or currencies."""
