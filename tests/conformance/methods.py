"""The methods of the official SDK, and which of them were called and answered."""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import m3ter.resources
from m3ter._resource import AsyncAPIResource, SyncAPIResource

SYNC, ASYNC = "sync", "async"
ANSWERED = "methods of the SDK that answered"
KINDS: dict[str, type] = {SYNC: SyncAPIResource, ASYNC: AsyncAPIResource}

answered: set[str] = set()
"""Of this process: `sync accounts.create`, for each method that answered."""


def methods(kind: str) -> Iterator[tuple[type, str, str]]:
    """Every method: its class, its own name and its name in the SDK, such as `lookup_tables/lookup_tables.list`."""
    root = m3ter.resources.__name__
    for found in pkgutil.walk_packages(m3ter.resources.__path__, f"{root}."):
        module = importlib.import_module(found.name)
        place = found.name.removeprefix(f"{root}.").replace(".", "/")
        for _, class_ in inspect.getmembers(module, inspect.isclass):
            if issubclass(class_, KINDS[kind]) and class_.__module__ == module.__name__:
                for name, value in vars(class_).items():
                    if inspect.isfunction(value) and not name.startswith("_"):
                        yield class_, name, f"{place}.{name}"


def record() -> None:
    """From now on, remember the methods that answer."""
    for kind in KINDS:
        for class_, name, full in list(methods(kind)):
            setattr(class_, name, _recording(getattr(class_, name), f"{kind} {full}"))


def _recording(method: Callable[..., Any], called: str) -> Callable[..., Any]:
    @functools.wraps(method)
    def record_sync(*args: Any, **kwargs: Any) -> Any:
        answer = method(*args, **kwargs)
        answered.add(called)  # a list of the async client has only been prepared; whoever asks for one reads it
        return answer

    @functools.wraps(method)
    async def record_async(*args: Any, **kwargs: Any) -> Any:
        answer = await method(*args, **kwargs)
        answered.add(called)
        return answer

    return record_async if inspect.iscoroutinefunction(method) else record_sync
