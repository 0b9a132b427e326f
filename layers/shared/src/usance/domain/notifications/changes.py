"""A committed change of an entity, and the event that tells of it (platform.md 6)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from usance.domain.kernel.ids import derived_id

Representation = Mapping[str, Any]
"""An entity as the API shows it."""

# Never in an event, wherever they stand; what customers name in customFields is theirs.
_SECRET_FIELDS: Final = frozenset({"apiKey", "apiSecret", "credentials", "password", "secret", "secretHash"})
HOLDERS: Final[Mapping[str, Mapping[str, str]]] = {
    "balanceChargeSchedule": {"balanceId": "balance"},
    "balanceTransaction": {"balanceId": "balance"},
    "balanceTransactionSchedule": {"balanceId": "balance"},
    "statementJob": {"billId": "bill"},
    "pricingBand": {"pricingId": "pricing", "counterPricingId": "counterPricing"},
}
"""What an entity of a type lies in: the type of it, by the field that names it."""

_AFTER_IT: Final = timedelta(milliseconds=1)  # deliveries keep the order of events to the millisecond
_CUSTOMERS_OWN: Final = "customFields"


class ChangeKind(StrEnum):
    """What happened to the entity: the last part of the event's name."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """One committed change. `old` is None when the entity was created, `new` when it was deleted; never both.

    `seen_at` is when the store wrote it, to the second, the same however often the change is delivered.
    """

    org_id: str
    type: str
    id: str
    old: Representation | None
    new: Representation | None
    seen_at: datetime

    @property
    def kind(self) -> ChangeKind:
        """Created, updated or deleted."""
        if self.old is None:
            return ChangeKind.CREATED
        return ChangeKind.DELETED if self.new is None else ChangeKind.UPDATED

    @property
    def entity(self) -> Representation:
        """The entity after the change, or as it last was."""
        return self.new or self.old or {}

    @property
    def event_id(self) -> str:
        """The same for the same change.

        The time of the last modification tells apart the lives of an entity that is deleted and made again under its
        own derived id, as bills are.
        """
        stamp = str(self.entity.get("dtLastModified", ""))
        return derived_id("event", self.org_id, self.type, self.id, str(self.entity.get("version")), stamp, self.kind)

    @property
    def happened_at(self) -> datetime:
        """When: the time of modification that the entity bears; for a deletion, after that, the time the store saw it."""
        modified = _instant(self.entity.get("dtLastModified"))
        if modified is None:
            return self.seen_at
        if self.kind is ChangeKind.DELETED:
            return max(modified + _AFTER_IT, self.seen_at)  # the store counts whole seconds
        return modified

    def event_data(self) -> dict[str, Any]:
        """`newDto` and `oldDto`, without secrets."""
        sides = {"newDto": self.new, "oldDto": self.old}
        return {name: representation(self.org_id, side) for name, side in sides.items() if side is not None}

    @classmethod
    def between(
        cls,
        org_id: str,
        type_: str,
        id_: str,
        old: Representation | None,
        new: Representation | None,
        seen_at: datetime,
    ) -> Self | None:
        """The change from one stored state to the next.

        None when it is none: nothing on either side, or the same version on both, as when a deletion claims the entity.
        """
        if old is None and new is None:
            return None
        if old is not None and new is not None and old.get("version") == new.get("version"):
            return None
        return cls(org_id, type_, id_, old, new, seen_at)


def holders(type_: str, entity: Representation) -> Iterator[tuple[str, str]]:
    """The type and id of what an entity lies in."""
    for field, holder in HOLDERS.get(type_, {}).items():
        if field in entity:
            yield holder, entity[field]


def representation(org_id: str, entity: Representation) -> dict[str, Any]:
    """An entity as events show it: without secrets."""
    return {"orgId": org_id, **_shown(entity)}


def _shown(value: Representation) -> dict[str, Any]:
    return {name: _inner(name, inner) for name, inner in value.items() if name not in _SECRET_FIELDS}


def _inner(name: str, value: Any) -> Any:
    if name == _CUSTOMERS_OWN:
        return value
    if isinstance(value, dict):
        return _shown(value)
    if isinstance(value, list):
        return [_inner("", item) for item in value]
    return value


def _instant(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
