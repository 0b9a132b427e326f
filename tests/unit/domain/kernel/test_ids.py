"""Ids sort as texts, and so does what follows them."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from usance.domain.kernel.ids import following_id


@given(st.uuids(), st.uuids())
def test_nothing_sorts_between_an_id_and_the_one_that_follows_it(id_: UUID, other: UUID) -> None:
    following = following_id(str(id_))
    assert str(UUID(following)) == following
    assert str(id_) < following
    assert not str(id_) < str(other) < following


def test_the_last_id_has_nothing_that_follows() -> None:
    last = "f" * 8 + "-ffff-ffff-ffff-" + "f" * 12
    assert following_id(last) == last
