"""Identifiers sort by when they were made."""

import uuid
from datetime import timedelta

from usance.adapters.clock import SystemClock, TimeOrderedIds


def test_ids_are_uuids_of_version_7_that_ascend() -> None:
    ids = TimeOrderedIds()
    made = [ids.new() for _ in range(5_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    for text in made[:100]:
        parsed = uuid.UUID(text)
        assert str(parsed) == text
        assert parsed.version == 7
        assert parsed.variant == uuid.RFC_4122


def test_an_id_begins_with_its_millisecond() -> None:
    clock = SystemClock()
    before = int(clock.now().timestamp() * 1000)
    made = TimeOrderedIds().new()
    after = int(clock.now().timestamp() * 1000)
    assert before <= int(made.replace("-", "")[:12], 16) <= after


def test_the_clock_is_aware() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)
