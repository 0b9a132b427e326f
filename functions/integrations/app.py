"""Brings bills and other entities to external systems."""

from usance.entrypoints.queue import integrations

handler = integrations.handler()
