"""A whole stack for the length of a `with` block, in a process of its own, that can be killed and started again."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from local import store
from local.control import ControlError, announced, ask
from local.store import PROJECT

_READY_SECONDS: Final = 120  # a loaded machine; a quiet one needs less than five
_STOP_SECONDS: Final = 120


class RunningStack:
    """A stack under test or demonstration. `process` is the one that runs the handlers; the store is another."""

    def __init__(self, data_dir: Path, arguments: Sequence[str]) -> None:
        """`arguments` are further ones of `python -m local serve`."""
        self.data_dir = data_dir
        self.credentials_file = data_dir / "credentials.json"
        self._arguments = arguments
        self._log = data_dir.parent / f"{data_dir.name}.serve.log"
        self.process: subprocess.Popen[bytes]
        self._port = 0
        self._workers: list[int] = []

    @property
    def base_url(self) -> str:
        """Address of the HTTP API."""
        return str(announced(self.data_dir)["base_url"])

    @property
    def credentials(self) -> Mapping[str, str]:
        """`base_url`, `org_id`, `api_key` and `api_secret`."""
        return dict(json.loads(self.credentials_file.read_text()))

    @property
    def store_endpoint(self) -> str:
        """Address of the store, for a boto3 client; raises LookupError when no store is alive."""
        live = store.find(self.data_dir)
        if live is None:
            raise LookupError(f"no store is alive on {self.data_dir}")
        return live.endpoint

    def start(self) -> float:
        """Start, or start again on the same port; returns the seconds until it was ready."""
        began = time.monotonic()
        command = [sys.executable, "-m", "local", "serve", "--port", str(self._port), "--data-dir", str(self.data_dir)]
        command += ["--credentials", str(self.credentials_file), *self._arguments]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=PROJECT, start_new_session=True)
        while time.monotonic() - began < _READY_SECONDS:
            if self.process.poll() is not None:
                raise RuntimeError(f"the stack ended with status {self.process.returncode}:\n{self.log()}")
            with contextlib.suppress(ControlError):
                if announced(self.data_dir)["pid"] == self.process.pid:
                    self._port = int(self.base_url.rsplit(":", 1)[1])
                    return time.monotonic() - began
            time.sleep(0.02)
        self.kill9()
        raise RuntimeError(f"the stack was not ready within {_READY_SECONDS} s:\n{self.log()}")

    def stop(self) -> int:
        """Stop cleanly, the store included; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_SECONDS)

    def kill9(self) -> None:
        """Kill the handlers' process without warning. Its workers end with it; the store goes on."""
        with contextlib.suppress(ControlError):
            functions = ask(self.data_dir, "status", {})["functions"]
            self._workers = [pid for pids in functions.values() for pid in pids]
        self.process.kill()
        self.process.wait()
        deadline = time.monotonic() + _STOP_SECONDS
        while any(_alive(pid) for pid in self._workers) and time.monotonic() < deadline:
            time.sleep(0.01)

    def fire(self, schedule: str, moment: datetime) -> Any:
        """Deliver the event of a schedule as due at `moment`; returns the function's result."""
        return ask(self.data_dir, "fire", {"schedule": schedule, "time": moment.isoformat()})

    def invoke(self, function: str, event: Any) -> Any:
        """Run a function by its logical id; returns its result."""
        return ask(self.data_dir, "invoke", {"function": function, "event": event})

    def settle(self, seconds: float = 60) -> bool:
        """Wait until queues and streams are worked off; False when they were not in time."""
        return bool(ask(self.data_dir, "settle", {"seconds": seconds})["settled"])

    def log(self) -> str:
        """What the stack and its functions wrote, the last lines of each."""
        files = [self._log, *sorted((self.data_dir / "logs").glob("*.log"))]
        return "\n".join(
            f"--- {file.name}\n{file.read_text(errors='replace')[-4000:]}" for file in files if file.exists()
        )


def _alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not reaped by its new parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return not Path("/proc/self").exists()
    return state != "Z"


@contextlib.contextmanager
def running_stack(
    folder: Path | None = None,
    *,
    template: Path | None = None,
    parameters: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> Iterator[RunningStack]:
    """A ready stack with its data in `folder`/data (a temporary folder by default); stopped, store included, at the end."""
    with tempfile.TemporaryDirectory() if folder is None else contextlib.nullcontext(str(folder)) as place:
        data_dir = Path(place) / "data"
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        more = [*arguments]
        if template is not None:
            more += ["--template", str(template)]
        for name, value in (parameters or {}).items():
            more += ["--parameter", f"{name}={value}"]
        stack = RunningStack(data_dir, more)
        try:
            stack.start()
            yield stack
        finally:
            if hasattr(stack, "process"):
                stack.stop()
            if data_dir.exists():
                store.stop(data_dir)
