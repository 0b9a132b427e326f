"""The loop of a process that runs what customers wrote; `child_process` starts it, talks to it by pipes and ends it.

It imports what requests need once and forks for each, so that a request has a process, limits and memory of its own and leaves
nothing behind. A request that ends its process ends this one too: what is left of it in the pipe would be taken for the next.
"""

import json
import os
import resource
import select
import signal
from collections.abc import Callable, Mapping
from typing import IO, Any, Final

_STDIN: Final = 0
_STDOUT: Final = 1


def serve(answer: Callable[[IO[bytes]], None]) -> None:
    """Answer requests until there is nobody to send them, or one of them ends its process.

    `answer` reads one request to its end and says `{"ready": true}`, then what came of it, or only what is wrong.
    """
    requests = select.poll()
    requests.register(_STDIN, select.POLLIN)
    while True:
        [(_, event)] = requests.poll()
        if not event & select.POLLIN:
            return
        child = os.fork()
        if not child:
            _answer_and_leave(answer)
        _, status = os.waitpid(child, 0)
        if status:
            late = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF
            say({"limit": "time" if late else "memory"})
            return


def _answer_and_leave(answer: Callable[[IO[bytes]], None]) -> None:
    """Exits with 0 when the request was read to its end and answered."""
    status = 1
    try:
        limit(resource.RLIMIT_CORE, 0)
        limit(resource.RLIMIT_FSIZE, 0)
        with os.fdopen(_STDIN, "rb", closefd=False) as requests:
            answer(requests)
        status = 0
    finally:
        os._exit(status)


def say(line: Mapping[str, Any]) -> None:
    """Answer one line."""
    left = memoryview(json.dumps(line).encode() + b"\n")
    while left:
        left = left[os.write(_STDOUT, left) :]


def limit(which: int, value: int) -> None:
    """Let this process have no more of a resource than `value`."""
    resource.setrlimit(which, (value, value))


def limit_processor(seconds: float) -> None:
    """Let this process compute for so long from now. The time that others compute does not count, and whole seconds need not be."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
