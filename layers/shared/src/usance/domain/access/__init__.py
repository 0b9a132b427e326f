"""Who may do what: callers, statements and their evaluation (platform.md 4). Default deny; an explicit deny wins."""

from usance.domain.access.caller import Caller, Statement

__all__ = ["Caller", "Statement"]
