"""Processes that are killed at any step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Killed(BaseException):
    """What ends a process: nothing in it can catch this and carry on."""


@dataclass
class Fuse:
    """Counts the steps before and after every call of what it guards, and kills at step `at` (None: never), once."""

    at: int | None = None
    steps: int = 0

    def burn(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            raise Killed

    def guard(self, target: Any) -> Any:
        """`target`, whose every call may be the last."""
        return _Guarded(target, self)


@dataclass
class _Guarded:
    target: Any
    fuse: Fuse

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self.target, name)

        def brittle(*args: Any, **kwargs: Any) -> Any:
            self.fuse.burn()
            result = call(*args, **kwargs)
            self.fuse.burn()
            return result

        return brittle
