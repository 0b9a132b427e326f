"""Handlers that are composed once and serve every world of the tests.

Composing hundreds of routes takes longer than most tests do. A handler keeps nothing of its own between requests, and asks
for its ports at each; so all worlds can share one, if it is told whose request it is.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import cached_property
from typing import Any, Generic, TypeVar

from usance.entrypoints.http.core import Handler

World = TypeVar("World")


class Composed(Generic[World]):
    """`of(world)` is the handler of that world alone."""

    def __init__(self, compose: Callable[[Callable[[], World]], Handler]) -> None:
        """`compose` makes the handler; the callable that it gets answers the world whose request is served."""
        self._compose = compose
        self._present: ContextVar[World] = ContextVar("present")

    @cached_property
    def _shared(self) -> Handler:
        return self._compose(self._present.get)

    def of(self, world: World) -> Handler:
        def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
            before = self._present.set(world)
            try:
                return self._shared(event, context)
            finally:
                self._present.reset(before)

        return handle
