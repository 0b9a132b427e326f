"""Exchanges access keys for access tokens."""

from usance.entrypoints.http import tokens

handler = tokens.handler()
