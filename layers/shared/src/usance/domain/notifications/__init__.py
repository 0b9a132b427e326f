"""Changes that make events, rules that fire on them, and deliveries to webhooks as values (platform.md 6, 7 and 9)."""
