"""Sends notifications to webhooks."""

from usance.entrypoints.queue import webhooks

handler = webhooks.handler()
