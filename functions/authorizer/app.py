"""Verifies access tokens."""

from usance.entrypoints.http import authorizer

handler = authorizer.handler()
