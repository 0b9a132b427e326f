"""The asynchronous client of the SDK behind calls that wait, so that one test tries both clients."""

import asyncio
import base64
import inspect
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any, cast

from m3ter import AsyncM3ter, M3ter


@contextmanager
def blocking(keys: dict[str, str], base_url: str, **options: Any) -> Iterator[M3ter]:
    """An `AsyncM3ter` that is used like an `M3ter`. It fetches no tokens by itself, as its makers left it."""
    with M3ter(**keys, base_url=base_url) as sync:
        token = _token(sync)
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)  # of its own, so that many threads may call at once
    thread.start()
    client = AsyncM3ter(**keys, base_url=base_url, token=token, **options)
    try:
        yield cast("M3ter", _Waiting(client, loop))
    finally:
        asyncio.run_coroutine_threadsafe(client.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _token(client: M3ter) -> str:
    basic = base64.b64encode(f"{client.api_key}:{client.api_secret}".encode()).decode()
    answer = client.authentication.get_bearer_token(
        grant_type="client_credentials", extra_headers={"Authorization": f"Basic {basic}"}
    )
    assert answer.access_token
    return answer.access_token


class _Waiting:
    """Anything of the asynchronous client. What is awaited there is an answer here."""

    def __init__(self, inner: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._inner, self._loop = inner, loop

    def __repr__(self) -> str:
        return f"<waiting {type(self._inner).__name__}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._wrapped(getattr(self._inner, name))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._wrapped(self._inner(*args, **kwargs))

    def __iter__(self) -> Iterator[Any]:
        async def all_of(items: AsyncIterator[Any]) -> list[Any]:
            return [item async for item in items]

        return iter(self._run(all_of(self._inner)))

    def _run(self, awaited: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(awaited, self._loop).result()

    def _wrapped(self, value: Any) -> Any:
        if inspect.isawaitable(value):
            return self._wrapped(self._run(_awaited(value)))
        if _is_of_client(value):
            return _Waiting(value, self._loop)
        return value


def _is_of_client(value: Any) -> bool:
    """Whether there may be something to await inside: a client, a resource, a method of one, or a page of a list."""
    owner = getattr(value, "__self__", value)
    return hasattr(owner, "_client") or isinstance(owner, AsyncM3ter) or hasattr(owner, "__aiter__")


async def _awaited(value: Any) -> Any:
    return await value
