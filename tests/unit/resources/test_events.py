"""The published names of events and their fields."""

from usance.resources.event_fields import fields_of
from usance.resources.event_names import ENTITIES, EVENT_NAMES, name_of_change


def test_there_are_106_published_names_and_one_of_ours_each_once() -> None:
    assert len(EVENT_NAMES) == len(set(EVENT_NAMES)) == 107


def test_a_change_is_named_by_area_entity_and_kind() -> None:
    assert name_of_change("accountPlan", "created") == "configuration.accountplan.created"
    assert name_of_change("bill", "updated") == "billing.bill.updated"
    assert name_of_change("balanceTransaction", "deleted") == "billing.balanceamount.deleted"


def test_what_holds_secrets_or_plumbing_makes_no_event() -> None:
    silent = "accessKey currency integrationConfiguration integrationRun notificationConfiguration serviceUser webhook"
    assert not [type_ for type_ in silent.split() if name_of_change(type_, "created")]


def test_every_entity_with_events_has_fields_among_them_its_id() -> None:
    for name in ENTITIES.values():
        assert fields_of(f"{name}.created")["new.id"] == "string"


def test_an_update_has_both_sides_a_creation_and_a_deletion_one() -> None:
    updated = fields_of("configuration.commitment.updated")
    assert updated["new.amountSpent"] == updated["old.amountSpent"] == "double"
    assert {name.split(".")[0] for name in fields_of("configuration.commitment.created")} == {"new"}
    assert {name.split(".")[0] for name in fields_of("configuration.commitment.deleted")} == {"old"}


def test_fields_leave_out_version_and_audit() -> None:
    fields = fields_of("configuration.commitment.created")
    assert fields["new.customFields"] == "map"
    assert not {"new.version", "new.dtCreated", "new.createdBy"} & set(fields)


def test_other_events_have_no_fields() -> None:
    assert fields_of("integration.perform.error") == {}
    assert fields_of("nonsense") == {}
