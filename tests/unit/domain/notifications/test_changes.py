"""A change is told once, whole, and without secrets."""

from datetime import UTC, datetime

from usance.domain.kernel.ids import timed_id
from usance.domain.notifications.changes import Change, ChangeKind

SEEN = datetime(2026, 1, 15, 12, 0, 5, tzinfo=UTC)
FIRST = {"id": "a", "version": 1, "name": "Acme", "dtLastModified": "2026-01-15T12:00:00.250000Z"}
SECOND = {**FIRST, "version": 2, "name": "Acme Ltd", "dtLastModified": "2026-01-15T12:00:01.500000Z"}


def change(old: object, new: object, type_: str = "account") -> Change:
    found = Change.between("org", type_, "a", old, new, SEEN)  # type: ignore[arg-type]
    assert found
    return found


def test_the_images_tell_what_happened() -> None:
    assert change(None, FIRST).kind is ChangeKind.CREATED
    assert change(FIRST, SECOND).kind is ChangeKind.UPDATED
    assert change(SECOND, None).kind is ChangeKind.DELETED


def test_the_same_version_on_both_sides_is_no_change() -> None:
    assert Change.between("org", "account", "a", FIRST, {**FIRST}, SEEN) is None
    assert Change.between("org", "account", "a", None, None, SEEN) is None


def test_a_created_entity_has_a_new_side_and_a_deleted_one_an_old_side() -> None:
    assert change(None, FIRST).event_data() == {"newDto": {"orgId": "org", **FIRST}}
    assert change(FIRST, None).event_data() == {"oldDto": {"orgId": "org", **FIRST}}
    assert set(change(FIRST, SECOND).event_data()) == {"newDto", "oldDto"}


def test_the_id_is_the_same_for_the_same_change_and_for_no_other() -> None:
    changes = [
        change(None, FIRST),
        change(FIRST, SECOND),
        change(FIRST, None),
        change(SECOND, None),
        change(None, FIRST, "plan"),
        change(None, {**FIRST, "dtLastModified": "2026-02-01T00:00:00.000000Z"}),  # made again under a derived id
    ]
    assert len({each.event_id for each in changes}) == len(changes)
    assert change(None, FIRST).event_id == change(None, {**FIRST}).event_id


def test_a_change_happened_when_the_entity_says_and_a_deletion_when_the_store_saw_it() -> None:
    assert change(None, FIRST).happened_at == datetime(2026, 1, 15, 12, 0, 0, 250_000, tzinfo=UTC)
    assert change(SECOND, None).happened_at == SEEN


def test_a_deletion_in_the_second_of_an_update_comes_after_it_in_lines_too() -> None:
    late = {**SECOND, "dtLastModified": "2026-01-15T12:00:05.900000Z"}
    updated, deleted = change(FIRST, late), change(late, None)
    assert deleted.happened_at == datetime(2026, 1, 15, 12, 0, 5, 901_000, tzinfo=UTC)
    for run in range(20):
        assert timed_id(updated.happened_at, str(run)) < timed_id(deleted.happened_at, str(run))


def test_an_entity_without_a_time_of_its_own_happened_when_the_store_saw_it() -> None:
    assert change(None, {"version": 1}).happened_at == SEEN
    assert change(None, {"version": 1, "dtLastModified": "yesterday"}).happened_at == SEEN
    assert change(None, {"version": 1, "dtLastModified": 5}).happened_at == SEEN
    naive = {"version": 1, "dtLastModified": "2026-01-15T12:00:00"}
    assert change(None, naive).happened_at == datetime(2026, 1, 15, 12, tzinfo=UTC)


def test_secrets_are_left_out_wherever_they_are_but_customers_own_fields_stay() -> None:
    entity = {
        **FIRST,
        "credentials": {"apiKey": "k"},
        "links": [{"secret": "s", "url": "u"}, "text"],
        "nested": {"password": "p", "port": 1},
        "customFields": {"secret": "of the customer's naming"},
    }
    shown = change(None, entity).event_data()["newDto"]
    assert shown == {
        "orgId": "org",
        **FIRST,
        "links": [{"url": "u"}, "text"],
        "nested": {"port": 1},
        "customFields": {"secret": "of the customer's naming"},
    }
