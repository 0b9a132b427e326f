"""Take measurements in by way of a queue: for clients that send one event per call (metering.md 1).

A request is accepted once the queue has it. Behind the queue the measurements of many requests are stored as if one client had
sent them together. A measurement without a uid gets its own here, so that a message that comes again counts once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from usance.application.access.authorize import require
from usance.application.ingest.directory import Directory
from usance.application.ingest.ingest_measurements import made_uid, take_in
from usance.application.ingest.ports import IngestPorts
from usance.application.ports.clock import Clock
from usance.application.ports.queue import Queue
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError, UnavailableError
from usance.domain.metering.submission import BODY_MAX_BYTES, MEASUREMENTS_MAX, check
from usance.resources.measurements import decode, originals

BUFFERED_MAX_BYTES: Final = 180_000  # of a message's 262,144, with room for a uid in each measurement
ENVELOPE: Final = b'{"measurements":['


class Buffered(msgspec.Struct):
    """A message: who sent which measurements, as they were sent."""

    orgId: str  # noqa: N815 - the names of the message
    principalType: str  # noqa: N815
    principalId: str  # noqa: N815
    measurements: list[msgspec.Raw]


_DECODER: Final = msgspec.json.Decoder(Buffered)


def buffer_measurements(queue: Queue, clock: Clock, caller: Caller, body: bytes) -> bool:
    """Whether the queue took the measurements; False when they are too many for a message.

    Raises as `ingest_measurements` does for what is wrong with the request; nothing is sent then.
    """
    require(caller, Action.MEASUREMENTS_UPLOAD, "measurement")
    measurements = decode(body)
    check(measurements, clock.now())
    if len(body) > BUFFERED_MAX_BYTES:
        return False
    rows = [
        raw if measurement.uid else _with_uid(raw, made_uid(body, position))
        for position, (measurement, raw) in enumerate(zip(measurements, originals(body), strict=True))
    ]
    message = {
        "orgId": caller.org_id,
        "principalType": caller.principal_type,
        "principalId": caller.principal_id,
        "measurements": [msgspec.Raw(row) for row in rows],
    }
    queue.send([message])
    return True


def drain(
    ports: IngestPorts, directory: Directory, bodies: Sequence[str], time_is_up: Callable[[], bool]
) -> Sequence[int]:
    """Store the measurements of messages, and answer the positions of those that must come again.

    Measurements that fail take hundreds of times as long as others. Without an end in time a batch of them would be cut
    off, come again whole, and be cut off at the same place.
    """
    again: set[int] = set()
    for caller, chunk in _chunks([_DECODER.decode(body) for body in bodies]):
        for part in _left_over(ports, directory, caller, chunk, time_is_up):
            again |= set(part.positions)
    return sorted(again)


def _left_over(
    ports: IngestPorts, directory: Directory, caller: Caller, chunk: "_Chunk", time_is_up: Callable[[], bool]
) -> Iterator["_Chunk"]:
    """Store a chunk, and hand out what could not be. What no request could carry keeps nothing else from being stored."""
    if time_is_up():
        yield chunk
        return
    try:
        take_in(ports, directory, caller, ENVELOPE + b",".join(chunk.rows) + b"]}")
    except UnavailableError:
        yield chunk
    except InvalidInputError:
        alone = chunk.by_message()
        if len(alone) == 1:
            yield chunk
            return
        for part in alone:
            yield from _left_over(ports, directory, caller, part, time_is_up)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Measurements that are stored together, and the positions of the messages they came in."""

    rows: Sequence[bytes]
    positions: Sequence[int]

    def by_message(self) -> Sequence["_Chunk"]:
        """The measurements of each message by themselves."""
        parts: dict[int, list[bytes]] = {}
        for row, position in zip(self.rows, self.positions, strict=True):
            parts.setdefault(position, []).append(row)
        return [_Chunk(rows, [position] * len(rows)) for position, rows in parts.items()]


def _chunks(messages: Sequence[Buffered]) -> Iterator[tuple[Caller, _Chunk]]:
    """The measurements of each caller, in the order of their messages, as many at a time as a request holds."""
    callers: dict[Caller, list[tuple[int, bytes]]] = {}
    for position, message in enumerate(messages):
        caller = Caller(message.orgId, message.principalId, message.principalType, ())
        callers.setdefault(caller, []).extend((position, bytes(raw)) for raw in message.measurements)
    for caller, rows in callers.items():
        chunk: list[tuple[int, bytes]] = []
        size = len(ENVELOPE)
        for position, row in rows:
            if chunk and (len(chunk) == MEASUREMENTS_MAX or size + len(row) + 3 > BODY_MAX_BYTES):
                yield caller, _chunk(chunk)
                chunk, size = [], len(ENVELOPE)
            chunk.append((position, row))
            size += len(row) + 1
        yield caller, _chunk(chunk)


def _chunk(rows: Sequence[tuple[int, bytes]]) -> _Chunk:
    return _Chunk([row for _, row in rows], [position for position, _ in rows])


def _with_uid(raw: bytes, uid: str) -> bytes:
    """An object that has no `uid`, or null, with one in front; of two members of one name readers take the last."""
    fields = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({**fields, "uid": uid})
