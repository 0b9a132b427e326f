"""Use cases of every resource that the registry describes: create, get, list, update, delete."""
