"""What identifies a set of measurements, whatever order they come in and however they are packed."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Final

_MODULUS: Final = 2**256


@dataclass(frozen=True, slots=True)
class Evidence:
    """A set of measurements: how many, their first and last `ts` (microseconds since 1970), and a digest of all.

    `digest` is the sum, modulo 2^256, of the SHA-256 of every measurement's `uid ts receipt` (spaces between, times in
    microseconds), as 64 hexadecimal digits. Sets that do not meet add up.
    """

    count: int
    first: int
    last: int
    digest: str


def fingerprint(uid: str, ts: int, received: int) -> int:
    """What one measurement adds to the digest of its set."""
    return int.from_bytes(hashlib.sha256(f"{uid} {ts} {received}".encode()).digest(), "big")


def evidence(instants: Iterable[int], fingerprints: Iterable[int]) -> Evidence:
    """Of at least one measurement, from the `ts` and the fingerprint of each."""
    found = sorted(instants)
    return Evidence(len(found), found[0], found[-1], _text(sum(fingerprints)))


def together(parts: Iterable[Evidence]) -> Evidence:
    """Of sets that do not meet; at least one."""
    return reduce(_both, parts)


def _both(one: Evidence, other: Evidence) -> Evidence:
    digest = _text(int(one.digest, 16) + int(other.digest, 16))
    return Evidence(one.count + other.count, min(one.first, other.first), max(one.last, other.last), digest)


def _text(total: int) -> str:
    return f"{total % _MODULUS:064x}"
