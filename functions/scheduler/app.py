"""Starts scheduled billing and automatic approval."""

from usance.entrypoints.schedule import scheduler

handler = scheduler.handler()
