"""Questions about usage."""

from usance.entrypoints.http import usage

handler = usage.handler()
