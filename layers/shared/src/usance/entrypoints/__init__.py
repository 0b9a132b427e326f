"""From Lambda's events to use cases and back; the only place that knows Powertools."""
