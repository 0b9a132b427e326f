"""What the API answers where that is no resource and no model elsewhere: for its description alone."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from usance.resources.fields import Noun


class Event(Noun):
    """Something that happened, kept for 28 days; `dtActioned` is null until it is actioned.

    `m3terEvent` has the entity before (`oldDto`) and after (`newDto`).
    """

    id: str
    event_name: str
    event_time: str
    dt_actioned: Annotated[str | None, WithJsonSchema({"type": ["string", "null"], "format": "date-time"})]
    m3ter_event: Annotated[dict[str, Any], Field(alias="m3terEvent")]


class EventTypes(Noun):
    """The names of events that a notification rule may be about."""

    events: list[str]


class EventFields(Noun):
    """By the name of an event its fields with their types, such as `new.amount`: `double`."""

    events: dict[str, dict[str, str]]


class EndedEntities(Noun):
    """The ids of entities of one kind."""

    empty: bool
    ids: list[str]


class EndDated(Noun):
    """By kind the entities that were ended, and those that could not be."""

    status_message: str
    updated_entities: dict[str, EndedEntities]
    failed_entities: dict[str, EndedEntities]


class BalanceSummary(Noun):
    """What a balance was given, what was taken and what expired, in its currency."""

    total_credit_amount: Decimal
    total_debit_amount: Decimal
    initial_credit_amount: Decimal
    balance_consumed: Decimal
    rollover_consumed: Decimal
    expired_balance_amount: Decimal


class CurrentUser(Noun):
    """Who is calling: a `user` or a `serviceUser`, and the organization."""

    organization: dict[str, Any] | None = None
    user: dict[str, Any] | None = None
    service_user: dict[str, Any] | None = None


class Result(Noun):
    """What was done."""

    result: str
