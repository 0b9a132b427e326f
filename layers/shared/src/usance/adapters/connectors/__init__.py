"""Connectors, one file per external system. Each imports its client library when it is made, and only then."""
