"""Turns changes of entities into events and deliveries."""

from usance.entrypoints.stream import notifications

handler = notifications.handler()
