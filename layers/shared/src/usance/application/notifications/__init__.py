"""From a change to a webhook: record the event, let rules fire, start deliveries, deliver. Every step may be repeated."""
