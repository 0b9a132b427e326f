"""Use cases of access: organizations, service users, keys, tokens, and the one question every use case asks."""
