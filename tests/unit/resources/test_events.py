"""The published names of events and their fields."""

from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from usance.resources.event_fields import dates_of, fields_of
from usance.resources.event_names import ENTITIES, EVENT_NAMES, name_of_change
from usance.resources.registry import BY_TYPE


def test_there_are_106_published_names_and_two_of_ours_each_once() -> None:
    assert len(EVENT_NAMES) == len(set(EVENT_NAMES)) == 108


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


@pytest.mark.parametrize("entity", ["alert", "metergroup", "organization", "pricingband", "nonsense"])
def test_what_an_organization_has_no_list_of_has_no_dates_to_schedule_events_by(entity: str) -> None:
    assert dates_of(entity) == ()
    assert dates_of("contract") == ("endDate", "startDate", "dtCreated", "dtLastModified")


def test_other_events_have_no_fields() -> None:
    assert fields_of("integration.perform.error") == {}
    assert fields_of("nonsense") == {}


def kind_of(annotation: Any) -> str:
    """The type of a field of a model in the words of `events/fields`."""
    found = getattr(annotation, "__value__", annotation)
    origin, inner = get_origin(found), get_args(found)
    if origin is Annotated:
        return kind_of(inner[0])
    if origin in {Union, UnionType}:
        return " or ".join(sorted({kind_of(one) for one in inner if one is not NoneType}))
    if origin is Literal:
        return "string"
    if origin is list:
        return "array"
    if origin is dict or issubclass(found, BaseModel):
        return "map"
    return {bool: "boolean", int: "int", Decimal: "double"}.get(found, "string")


@pytest.mark.parametrize("type_", sorted(ENTITIES.keys() & BY_TYPE.keys()))
def test_the_fields_of_an_event_are_those_of_its_resource(type_: str) -> None:
    row = BY_TYPE[type_]
    fields = {field.alias or name: kind_of(field.annotation) for name, field in row.model.model_fields.items()}
    fields |= {name: str(schema["type"]).replace("number", "double") for name, schema in row.answers.items()}
    fields |= {"id": "string", **({row.within.field: "string"} if row.within else {})}
    fields.pop("version", None)
    listed = {name.removeprefix("new."): kind for name, kind in fields_of(f"{ENTITIES[type_]}.created").items()}
    assert {"customFields": "map", **fields} == {"customFields": "map", **listed}  # listed where no entity has any yet
