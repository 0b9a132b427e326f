"""Configuration resources and events."""

from usance.entrypoints.http import entities

handler = entities.handler()
