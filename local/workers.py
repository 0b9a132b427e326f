"""Pools of worker processes, one pool per function: an invocation has a process to itself, as on Lambda."""

import json
import logging
import os
import select
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from local.aws import CREDENTIALS
from local.names import REGION, function_arn
from local.plan import Function
from local.store import PROJECT
from local.worker import HEADER

_LOG: Final = logging.getLogger("local.workers")
_INIT_SECONDS: Final = 60  # Lambda allows 10; a laptop that starts everything at once needs more
_INHERITED: Final = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "PYTHONPATH",
    "SSL_CERT_FILE",
    "COVERAGE_PROCESS_START",
)
_RESPONSE_BYTES_MAX: Final = 6 * 1024 * 1024 + 100 * 1024  # Lambda's limit for a synchronous answer
LOG_BYTES_MAX: Final = 20 * 1024 * 1024  # a larger log is begun anew when the stack starts


class FunctionError(Exception):
    """The function raised, timed out or its process died. `kind` is the error's type as Lambda reports it."""

    def __init__(self, function: str, kind: str, text: str) -> None:
        """`text` is the function's own message."""
        super().__init__(f"{function}: {kind}: {text}")
        self.kind = kind
        self.text = text


class BusyError(Exception):
    """All workers of the function stayed busy for as long as the caller would wait."""


@dataclass(slots=True)
class _Worker:
    """One process. Its pipes are used by one thread at a time."""

    process: "subprocess.Popen[bytes]"
    incoming: BinaryIO
    outgoing: BinaryIO

    def send(self, content: bytes) -> None:
        left = memoryview(HEADER.pack(len(content)) + content)
        while left:  # an unbuffered pipe may take a part only
            left = left[self.incoming.write(left) :]

    def receive(self, deadline: float) -> bytes:
        """The next frame. Raises TimeoutError at `deadline` (monotonic), EOFError when the process ended."""
        size = HEADER.unpack(self._read(HEADER.size, deadline))[0]
        if size > _RESPONSE_BYTES_MAX:
            message = f"a response of {size} bytes is more than {_RESPONSE_BYTES_MAX}"
            raise ValueError(message)
        return self._read(size, deadline)

    def _read(self, size: int, deadline: float) -> bytes:
        descriptor = self.outgoing.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        parts = bytearray()
        while len(parts) < size:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise TimeoutError
            part = os.read(descriptor, size - len(parts))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    def end(self) -> None:
        """End the process at once; it is this stack's own child."""
        self.process.kill()
        self.process.wait()
        self.incoming.close()
        self.outgoing.close()


class Pool:
    """The workers of one function."""

    def __init__(self, function: Function, environment: Mapping[str, str], log: Path, size: int) -> None:
        """At most `size` processes; `environment` is added to the function's own."""
        self.function = function
        self._environment = _environment(function, environment)
        self._log = log
        self._size = size if function.reserved_concurrency is None else min(size, function.reserved_concurrency)
        self._idle: list[_Worker] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._count = 0
        self._free = threading.Condition()
        self._closed = False

    def tell(self, variable: str, value: str) -> None:
        """Set a variable of workers to come, where the function has it."""
        if variable in self.function.environment:
            self._environment[variable] = value

    def warm(self) -> None:
        """Start one worker ahead of the first invocation; an import that fails is logged, and reported by every invocation."""
        try:
            worker = self._take(time.monotonic() + _INIT_SECONDS)
        except (FunctionError, BusyError) as failed:
            _LOG.warning("%s", failed)
            return
        self._give_back(worker)

    def invoke(self, event: Any, wait_seconds: float = 60) -> Any:
        """Run the function; returns its result. Raises `FunctionError`, or `BusyError` after `wait_seconds` of queueing."""
        worker = self._take(time.monotonic() + wait_seconds)
        seconds = self.function.timeout_seconds
        request = {"requestId": str(uuid.uuid4()), "event": event, "deadline": time.time() + seconds}
        try:
            worker.send(json.dumps(request, separators=(",", ":")).encode())
            answer = json.loads(worker.receive(time.monotonic() + seconds))
        except TimeoutError:
            self._replace(worker)
            message = f"Task timed out after {seconds}.00 seconds"
            raise FunctionError(self.function.logical_id, "Sandbox.Timedout", message) from None
        except ValueError as too_large:
            self._replace(worker)
            raise FunctionError(self.function.logical_id, "Function.ResponseSizeTooLarge", str(too_large)) from None
        except (EOFError, OSError):
            status = self._replace(worker)
            message = f"the process exited with status {status}"
            raise FunctionError(self.function.logical_id, "Runtime.ExitError", message) from None
        self._give_back(worker)
        if "error" in answer:
            error = answer["error"]
            raise FunctionError(self.function.logical_id, error["errorType"], error["errorMessage"])
        return answer["result"]

    def close(self) -> None:
        """End the idle workers; busy ones end when their invocation does."""
        with self._free:
            self._closed = True
            idle, self._idle = self._idle, []
            self._count -= len(idle)
        for worker in idle:
            worker.end()

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers, idle and busy."""
        with self._free:
            self._processes = [process for process in self._processes if process.poll() is None]
            return [process.pid for process in self._processes]

    def _take(self, deadline: float) -> _Worker:
        with self._free:
            while True:
                if self._idle:
                    worker = self._idle.pop()
                    if worker.process.poll() is None:
                        return worker
                    self._count -= 1
                    continue
                if self._count < self._size:
                    self._count += 1
                    break
                if not self._free.wait(deadline - time.monotonic()):
                    message = f"{self.function.logical_id}: all {self._size} workers are busy"
                    raise BusyError(message)
        try:
            return self._start()
        except BaseException:
            self._one_less()
            raise

    def _start(self) -> _Worker:
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "local.worker", self.function.module, self.function.attribute],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                cwd=PROJECT,
                env=self._environment,
                process_group=0,  # Ctrl-C in a terminal is for the stack, which ends its workers itself
            )
        with self._free:
            self._processes.append(process)
        assert process.stdin is not None
        assert process.stdout is not None
        worker = _Worker(process, process.stdin, process.stdout)  # type: ignore[arg-type]
        try:
            greeting = json.loads(worker.receive(time.monotonic() + _INIT_SECONDS))
        except (TimeoutError, EOFError, OSError):
            worker.end()
            message = f"the process did not start; see {self._log}"
            raise FunctionError(self.function.logical_id, "Runtime.InitError", message) from None
        if "error" in greeting:
            worker.end()
            error = greeting["error"]
            raise FunctionError(self.function.logical_id, error["errorType"], error["errorMessage"])
        return worker

    def _give_back(self, worker: _Worker) -> None:
        with self._free:
            if not self._closed:
                self._idle.append(worker)
                self._free.notify()
                return
            self._count -= 1
        worker.end()

    def _replace(self, worker: _Worker) -> int | None:
        """End a worker that can no longer be trusted; the next invocation starts another."""
        worker.end()
        self._one_less()
        return worker.process.returncode

    def _one_less(self) -> None:
        with self._free:
            self._count -= 1
            self._free.notify()


def _environment(function: Function, extra: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {
        **inherited,
        "TZ": "UTC",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        **CREDENTIALS,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "LOCAL_FUNCTION_ARN": function_arn(function.name),
        "POWERTOOLS_TRACE_DISABLED": "true",  # there is no X-Ray daemon here
        **function.environment,
        **extra,
    }


class Workers:
    """All pools of a stack."""

    def __init__(
        self, functions: Mapping[str, Function], environment: Mapping[str, str], logs: Path, size: int
    ) -> None:
        """`logs` gets one file per function."""
        logs.mkdir(parents=True, exist_ok=True)
        self._pools: dict[str, Pool] = {}
        for logical_id, function in functions.items():
            log = logs / f"{logical_id}.log"
            if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
                log.replace(log.with_suffix(".old.log"))
            self._pools[logical_id] = Pool(function, environment, log, size)

    def tell(self, variable: str, value: str) -> None:
        """Tell functions what only the running stack knows; before their first worker."""
        for pool in self._pools.values():
            pool.tell(variable, value)

    def pool(self, logical_id: str) -> Pool:
        """The pool of a function, by its logical id; raises KeyError."""
        return self._pools[logical_id]

    def invoke(self, logical_id: str, event: Any, wait_seconds: float = 60) -> Any:
        """Run a function; see `Pool.invoke`."""
        return self._pools[logical_id].invoke(event, wait_seconds)

    def warm(self, logical_ids: list[str]) -> None:
        """Start one worker of each, at the same time; returns when all are ready."""
        threads = [threading.Thread(target=self._pools[one].warm, daemon=True) for one in logical_ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def close(self) -> None:
        """End the workers."""
        for pool in self._pools.values():
            pool.close()
