"""Packed columns come back digit for digit."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from usance.adapters.duckdb.columns import (
    ExactColumn,
    ScaledColumn,
    TextColumn,
    column,
    instants,
    text_column,
    uid_hashes,
    uid_texts,
)
from usance.adapters.duckdb.stored import StoredItem
from usance.adapters.packing import NO_VALUE, Kind, pack_integers, pack_numbers, pack_texts, pack_uids

UUID = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"

numbers = st.one_of(
    st.none(),
    st.integers(-(10**38) + 1, 10**38 - 1),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=9),
    st.sampled_from(
        [NO_VALUE, NO_VALUE + 1, -NO_VALUE, -NO_VALUE - 1, Decimal("1E+20"), Decimal("-0.00"), Decimal("1e-38")]
    ),
)


def item(count: int, **fields: bytes) -> StoredItem:
    return StoredItem(("2026-01", "01#a"), 0, count, pack_uids([str(at) for at in range(count)]), fields=fields)


def unpacked(items: Sequence[StoredItem]) -> Sequence[Decimal | None]:
    found = column(items, "x")
    assert isinstance(found, ScaledColumn | ExactColumn)
    return found.decimals() if isinstance(found, ScaledColumn) else found.values


@given(st.lists(st.lists(numbers, min_size=1, max_size=6), min_size=1, max_size=4))
def test_numbers_come_back_exactly_whatever_stands_beside_them(lists: list[list[Decimal | int | None]]) -> None:
    items = [item(len(values), x=pack_numbers(values)) for values in lists]
    expected = [None if value is None else Decimal(value) for values in lists for value in values]
    assert list(unpacked(items)) == expected


@given(st.lists(st.lists(st.none() | st.text(max_size=5), min_size=1, max_size=6), min_size=1, max_size=3))
def test_texts_come_back_in_any_script(lists: list[list[str | None]]) -> None:
    items = [item(len(values), x=pack_texts(values)) for values in lists]
    found = column(items, "x")
    assert isinstance(found, TextColumn)
    texts = [None if index < 0 else found.distinct[index] for index in found.indexes.tolist()]
    assert texts == [value for values in lists for value in values]


@given(st.lists(st.uuids().map(str) | st.text(max_size=50), min_size=1, max_size=6))
def test_uids_come_back_and_equal_ones_have_equal_hashes(uids: list[str]) -> None:
    packed = StoredItem(("2026-01", "01#a"), 0, len(uids), pack_uids(uids))
    assert uid_texts(packed) == uids
    hashes = uid_hashes([packed])
    for one, other in zip(uids, hashes.tolist(), strict=True):
        assert [hashes[at] == other for at, uid in enumerate(uids) if uid == one]


def test_canonical_uuids_take_16_bytes_each() -> None:
    assert len(pack_uids([UUID] * 10)) == 2 + 160
    for other in (UUID.upper(), UUID.replace("-", "_"), UUID.replace("a", "x"), UUID[:-1] + "é"):
        assert pack_uids([UUID, other])[0] == Kind.TEXTS
    shifted = [UUID + UUID[0], UUID[1:]]
    assert pack_uids(shifted)[0] == Kind.TEXTS


@given(st.lists(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999), min_size=1, max_size=9))
def test_instants_come_back_to_the_microsecond(ts: list[int]) -> None:
    packed = StoredItem(("2026-01", "01#a"), 0, len(ts), b"", ts=pack_integers(ts))
    assert instants([packed]).tolist() == ts


def test_small_numbers_of_one_scale_take_little_room() -> None:
    packed = pack_numbers([Decimal("0.25")] * 1_000)
    assert packed[:2] == bytes((Kind.SCALED, 2))
    assert len(packed) < 100


def test_a_field_that_changed_its_kind_counts_as_number_and_groups_as_text() -> None:
    items = [item(1, x=pack_texts(["a"])), item(1, x=pack_numbers([5])), item(1)]
    assert list(unpacked(items)) == [None, Decimal(5), None]
    assert text_column(items, "x").indexes.tolist() == [0, -1, -1]
    mixed = [*items, item(1, x=pack_numbers([Decimal("1e-30")]))]
    assert list(unpacked(mixed)) == [None, Decimal(5), None, Decimal("1e-30")]


def test_no_items_have_no_instants() -> None:
    assert instants([]).size == 0
