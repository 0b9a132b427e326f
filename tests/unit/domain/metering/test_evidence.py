"""What tells sets of measurements apart."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from usance.domain.metering.evidence import evidence, fingerprint, together

MEASUREMENTS = st.lists(st.tuples(st.text(max_size=3), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=8)


def of(measurements: list[tuple[str, int, int]]) -> object:
    return evidence([ts for _, ts, _ in measurements], [fingerprint(*one) for one in measurements])


def test_the_digest_of_one_measurement_is_that_of_its_text() -> None:
    found = evidence([7], [fingerprint("r-1", 7, 9)])
    assert (found.count, found.first, found.last) == (1, 7, 7)
    assert found.digest == sha256(b"r-1 7 9").hexdigest()


@given(MEASUREMENTS, st.randoms())
def test_the_order_does_not_matter(measurements: list[tuple[str, int, int]], random: object) -> None:
    shuffled = sorted(measurements, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert of(shuffled) == of(measurements)


@given(MEASUREMENTS, MEASUREMENTS)
def test_parts_add_up_to_the_whole(one: list[tuple[str, int, int]], other: list[tuple[str, int, int]]) -> None:
    assert together([of(one), of(other)]) == of([*one, *other])  # type: ignore[list-item]


def test_another_time_is_another_digest() -> None:
    assert of([("a", 1, 1)]) != of([("a", 1, 2)])
