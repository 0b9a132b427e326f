"""Runs ministack as the store process of one data directory. Executed by ministack's own interpreter, never imported.

What ministack 1.5.33 does by itself, and what this file changes:

* It computes with 28 decimal digits; DynamoDB has 38.
* It saves its state on a graceful stop only. Here it also saves while it runs. DynamoDB and SQS requests are answered
  synchronously on the event loop, so between two callbacks of the loop no change is half done (the expiry of items runs
  in a thread and holds DynamoDB's lock). A forked child, made in such a callback while that lock is held, therefore sees
  one consistent moment of every service, and writes it while the parent goes on.
* A save replaces one file per service, so that a crash in between mixes two moments. Here a save is a new folder, and a
  pointer file that is replaced last.
* It looks whether a presigned URL is valid still when the whole body has come; S3 looks when the request begins.
* It sends an object in one piece, which keeps everybody waiting while a large one is copied. Here it is sent in parts, as
  fast as the reader takes them.
* It reads a condition anew for every item of a partition that a query goes through. Here it reads each text once, and compares
  keys by themselves: a partition may have 10,000 items.
* It forgets the records of DynamoDB streams at a restart. Here they are saved with the tables, but for those that the
  reader has confirmed.
"""

# ruff: noqa: SLF001 -- what it changes is inside ministack, pinned to one exact version

import asyncio
import copy
import decimal
import fcntl
import importlib
import json
import os
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

DIGITS: Final = 38
SAVE_PAUSE_SECONDS: Final = 5  # least time between two saves
SAVE_SHARE: Final = 10  # a save of n seconds is followed by 10 n seconds of peace
STOP_SECONDS: Final = 600  # the last save of a large state may take minutes
DESCRIPTORS_MAX: Final = 4096  # a store has some dozens open
SAVED_STATES: Final = "CURRENT"
IDENTITY_PATH: Final = "/_store/identity"
CONDITIONS_KEPT: Final = 1_024
KEY_SLOT: Final = "KeyConditionExpression"
KEY_CONDITION: Final = re.compile(
    r"\s*(#?\w+)\s*=\s*(:\w+)"
    r"(?:\s+AND\s+(?:(#?\w+)\s*(?:(=|<=|>=|<|>)\s*(:\w+)|\s+BETWEEN\s+(:\w+)\s+AND\s+(:\w+))"
    r"|begins_with\(\s*(#?\w+)\s*,\s*(:\w+)\s*\)))?\s*"
)
PART_BYTES: Final = 262_144  # of an answer
READING_ACTIONS: Final = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "TransactGet", "Receive")

_BEGAN: Final[ContextVar[datetime | None]] = ContextVar("_BEGAN", default=None)  # the request that is answered

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def hold_lock(folder: Path) -> int:
    """Take the folder's lock for the life of this process, so that no two stores share one state."""
    descriptor = os.open(folder / "store.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"another store process uses {folder}")
    return descriptor


def listen(folder: Path) -> socket.socket:
    """A listening socket on loopback; on the port of the last run when it is free, so that addresses stay valid."""
    try:
        wanted = int(json.loads((folder / "store.json").read_text())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        wanted = 0
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", wanted))
    except OSError:
        listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


class Saver:
    """Writes the state of every service as one folder per save."""

    def __init__(self, folder: Path, checkpoints: Path, lock: int) -> None:
        """`checkpoints` is the stream reader's file of confirmed positions; it may be absent."""
        self.changes = 0
        self._saved_changes = 0
        self._folder = folder
        self._checkpoints = checkpoints
        self._lock = lock
        self._number = 0
        self._saving: asyncio.Task[None] | None = None

    def load(self) -> str:
        """The folder of the last complete save, for ministack to read from."""
        pointer = self._folder / SAVED_STATES
        current = pointer.read_text().strip() if pointer.exists() else "0"
        self._number = int(current)
        for leftover in self._folder.iterdir():
            if leftover.is_dir() and leftover.name != current:
                shutil.rmtree(leftover, ignore_errors=True)
        return str(self._folder / current)

    def write(self, services: dict[str, Callable[[], Any]]) -> None:
        """Save now, in this process, and make the save the current one."""
        # Nothing changes the state meanwhile: this is a forked child, or the process is about to end.
        copy.deepcopy = lambda value, *_: value
        persistence = importlib.import_module("ministack.core.persistence")
        number = str(self._number + 1)
        target = self._folder / number
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        for service, state in services.items():
            payload = state()
            if payload is None:
                continue
            document = {"__ministack_format__": persistence._state_format_version(service), "payload": payload}
            with (target / f"{service}.json").open("w", encoding="utf-8") as file:
                file.write(json.dumps(document, default=persistence._json_default))
                file.flush()
                os.fsync(file.fileno())
        pointer = self._folder / f"{SAVED_STATES}.new"
        pointer.write_text(number)
        pointer.replace(self._folder / SAVED_STATES)

    def confirmed(self) -> dict[str, str]:
        """Sequence number of the last stream record that the reader is done with, by table."""
        try:
            content = json.loads(self._checkpoints.read_text())
        except (OSError, ValueError):
            return {}
        return {str(table): str(sequence) for table, sequence in content.items()}

    def fork(self, services: dict[str, Callable[[], Any]], dynamodb: Any) -> None:
        """Save in a child process; `wait` says when it is done."""
        self._saved_changes = self.changes
        forget_confirmed(dynamodb, self.confirmed())
        with dynamodb._lock:
            child = os.fork()
        if child:
            self._saving = asyncio.create_task(self._reap(child))
            return
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            os.nice(10)
            # The lock stays open: the folder is in use for as long as this child writes.
            os.closerange(3, self._lock)
            os.closerange(self._lock + 1, DESCRIPTORS_MAX)
            self.write(services)
            status = 0
        except BaseException as failed:  # noqa: BLE001 -- a child must never return into the server's loop
            os.write(2, f"saving failed: {failed!r}\n".encode())
        finally:
            os._exit(status)

    async def _reap(self, child: int) -> None:
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        if status == 0:
            self.load()
        else:
            self._saved_changes = -1

    async def wait(self) -> None:
        """Until the running save, if any, is done; being cancelled does not end the save."""
        if self._saving is not None:
            await asyncio.shield(self._saving)

    async def run(self, services: Callable[[], dict[str, Callable[[], Any]]], dynamodb: Any) -> None:
        """Save whenever something changed, until cancelled."""
        while True:
            started = time.monotonic()
            if self.changes != self._saved_changes:
                self.fork(services(), dynamodb)
                await self.wait()
            await asyncio.sleep(max(SAVE_PAUSE_SECONDS, SAVE_SHARE * (time.monotonic() - started)))


def keep_stream_records(dynamodb: Any) -> None:
    """Save and restore stream records with the tables."""
    plain_state, plain_load = dynamodb.get_state, dynamodb.load_persisted_state

    def get_state() -> dict[str, Any]:
        return {**plain_state(), "stream_records": dynamodb._stream_records}

    def load(data: dict[str, Any]) -> None:
        plain_load(data)
        dynamodb._stream_records.update(data.get("stream_records", {}))

    dynamodb.get_state, dynamodb.load_persisted_state = get_state, load


def forget_confirmed(dynamodb: Any, done: dict[str, str]) -> None:
    """Drop the stream records that the reader is done with, as AWS does after a day; positions count on."""
    for (account, region, table), records in dynamodb._stream_records.all_items():
        last = int(done.get(table, "-1"))
        count = next(
            (at for at, one in enumerate(records) if int(one["dynamodb"]["SequenceNumber"]) > last), len(records)
        )
        del records[:count]
        trimmed = dynamodb._stream_trimmed.get_scoped(account, region, table, 0)
        dynamodb._stream_trimmed.set_scoped(account, region, table, trimmed + count)


def changes_something(scope: Scope) -> bool:
    """Whether a request may change the state. A wrong yes costs a save; a wrong no would lose one."""
    if scope["method"] in {"GET", "HEAD", "OPTIONS"}:
        return False
    for name, value in scope["headers"]:
        if name.lower() == b"x-amz-target":
            return not value.decode("latin-1").rpartition(".")[2].startswith(READING_ACTIONS)
    return True


def look_at_urls_when_requests_begin(s3: Any) -> None:
    """An upload of any size may end after its URL does."""
    plain = s3.presigned_request_is_expired
    s3.presigned_request_is_expired = lambda signed, seconds: plain(signed, seconds, now=_BEGAN.get())


def in_parts(send: Send) -> Send:
    """The same answers, their bodies cut."""

    async def send_parts(message: dict[str, Any]) -> None:
        body = message.get("body", b"")
        if message["type"] == "http.response.body" and len(body) > PART_BYTES:
            *parts, last = range(0, len(body), PART_BYTES)
            for at in parts:
                await send({**message, "body": body[at : at + PART_BYTES], "more_body": True})
            message = {**message, "body": body[last:]}
        await send(message)

    return send_parts


def wrap(app: Callable[..., Awaitable[None]], saver: Saver, identity: dict[str, Any]) -> Callable[..., Awaitable[None]]:
    """The application of ministack, with an address that says whose store this is."""
    body = json.dumps(identity).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == IDENTITY_PATH:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        _BEGAN.set(datetime.now(UTC))
        try:
            await app(scope, receive, in_parts(send))
        finally:
            if scope["type"] == "http" and changes_something(scope):
                saver.changes += 1

    return application


def read_conditions_once(dynamodb: Any) -> None:
    """Remember how conditions are read, whatever item they are held against, and hold keys against them directly."""
    dynamodb._tokenize = lru_cache(CONDITIONS_KEPT)(dynamodb._tokenize)
    dynamodb._condition_syntax_error = lru_cache(CONDITIONS_KEPT)(dynamodb._condition_syntax_error)
    evaluate = dynamodb._evaluate_condition
    found_right: set[str] = set()

    def holds(condition: str, item: Any, values: Any, names: Any, slot: str = "ConditionExpression") -> Any:
        if slot == KEY_SLOT and condition in found_right and (parts := KEY_CONDITION.fullmatch(condition)):
            return key_fits(parts, item, values, names, dynamodb._compare_ddb)
        answer = evaluate(condition, item, values, names, slot=slot)
        if slot == KEY_SLOT and len(found_right) < CONDITIONS_KEPT:
            found_right.add(condition)
        return answer

    dynamodb._evaluate_condition = holds


def key_fits(parts: re.Match[str], item: Any, values: Any, names: Any, compare: Callable[..., Any]) -> Any:
    """Whether the key of an item is as `KEY_CONDITION` found it asked for."""
    partition, wanted, name, operator, value, low, high, begun, prefix = parts.groups()

    def key(reference: str) -> Any:
        return item.get(names.get(reference, reference))

    if not compare(key(partition), "=", values.get(wanted)):
        return False
    if begun:
        return (key(begun) or {}).get("S", "").startswith(values[prefix]["S"])
    if operator:
        return compare(key(name), operator, values.get(value))
    return name is None or (compare(values.get(low), "<=", key(name)) and compare(key(name), "<=", values.get(high)))


async def serve(folder: Path, listener: socket.socket, saver: Saver, identity: dict[str, Any]) -> None:
    """Answer until SIGTERM, then save and return."""
    app: Any = importlib.import_module("ministack.app")
    persistence: Any = importlib.import_module("ministack.core.persistence")
    dynamodb: Any = importlib.import_module("ministack.services.dynamodb")
    keep_stream_records(dynamodb)
    read_conditions_once(dynamodb)
    look_at_urls_when_requests_begin(importlib.import_module("ministack.services.s3"))
    app.save_all = saver.write
    persistence.STATE_DIR = saver.load()
    config = importlib.import_module("hypercorn.config").Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1  # long polls hold nothing that matters
    config.startup_timeout = config.shutdown_timeout = STOP_SECONDS
    config.loglevel = "WARNING"
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    (folder / "store.json.new").write_text(json.dumps(identity))
    (folder / "store.json.new").replace(folder / "store.json")
    saving = asyncio.create_task(saver.run(app._build_persistence_save_dict, dynamodb))

    async def stop() -> None:
        await stopping.wait()
        saving.cancel()
        await saver.wait()

    hypercorn = importlib.import_module("hypercorn.asyncio")
    await hypercorn.serve(wrap(app.app, saver, identity), config, shutdown_trigger=stop)


def main() -> None:
    """`store_process.py FOLDER IDENTITY CHECKPOINTS`: run the store whose state is in FOLDER."""
    folder, identity, checkpoints = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    lock = hold_lock(folder)
    (folder / "state").mkdir(exist_ok=True)
    listener = listen(folder)
    port = listener.getsockname()[1]
    os.environ.update(
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(port),
        PERSIST_STATE="1",
        STATE_DIR=str(folder / "state"),
        S3_PERSIST="1",
        S3_DATA_DIR=str(folder / "s3"),
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        LOG_LEVEL="WARNING",
    )
    decimal.DefaultContext.prec = DIGITS
    decimal.setcontext(decimal.DefaultContext)
    saver = Saver(folder / "state", checkpoints, lock)
    asyncio.run(serve(folder, listener, saver, {"identity": identity, "pid": os.getpid(), "port": port}))


if __name__ == "__main__":
    main()
