"""The nouns on the wire: one model and one registry row per resource."""
