"""Rules of meters (metering.md 3)."""

from collections.abc import Mapping
from typing import Any, Final

from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.kernel.errors import InvalidInputError

NUMERIC: Final = frozenset({"MEASURE", "INCOME", "COST"})
_CUSTOM_FIELD_OWNERS: Final = frozenset({"organization", "meter", "account"})  # and product, when the meter has one
_TIMESTAMPS: Final = frozenset({"timestamp.ts", "timestamp.ets", "timestamp.receivedAt"})


def categories(meter: Entity) -> Mapping[str, str]:
    """Per field code of a meter, its category."""
    return {field["code"]: field["category"] for field in (*meter["dataFields"], *meter["derivedFields"])}


def check_fields(proposal: Proposal) -> Mapping[str, Any]:
    """Codes differ from each other, numbers have a unit, and calculations name what exists."""
    meter = proposal.new
    seen: set[str] = set()
    for list_name in ("dataFields", "derivedFields"):
        for position, field in enumerate(meter[list_name]):
            where = f"{list_name}[{position}]"
            if field["code"] in seen:
                raise InvalidInputError(f"{where}.code: {field['code']} is the code of another field of this meter")
            seen.add(field["code"])
            if field["category"] in NUMERIC and "unit" not in field:
                raise InvalidInputError(f"{where}.unit is required for category {field['category']}")
    for position, field in enumerate(meter["derivedFields"]):
        _check_calculation(meter, field["calculation"], f"derivedFields[{position}].calculation")
    return {}


def check_targets(proposal: Proposal) -> Mapping[str, Any]:
    """An update keeps the fields, categories and product that aggregations stand on; otherwise it is refused."""
    if proposal.old is None:
        return {}
    before, after = categories(proposal.old), categories(proposal.new)
    for aggregation in proposal.many("aggregations"):
        name = f"aggregation {aggregation.get('code') or aggregation['id']}"
        for code in (aggregation["targetField"], *aggregation.get("segmentedFields", ())):
            if code not in after:
                raise InvalidInputError(f"dataFields: {code} cannot be removed while the {name} uses it")
            if code in before and (before[code] in NUMERIC) != (after[code] in NUMERIC):
                raise InvalidInputError(f"dataFields: the category of {code} cannot change while the {name} uses it")
        if proposal.changed("productId"):
            raise InvalidInputError(f"productId cannot change while the {name} uses the meter")
    return {}


def _check_calculation(meter: Entity, calculation: str, where: str) -> None:
    from usance.domain.expressions.grammar import parse
    from usance.domain.expressions.tree import names

    try:
        used = names(parse(calculation))
    except InvalidInputError as malformed:
        raise InvalidInputError(f"{where}: {malformed.message}") from malformed
    fields = {field["code"] for field in meter["dataFields"]}
    owners = _CUSTOM_FIELD_OWNERS | ({"product"} if meter.get("productId") else set())
    for name in sorted(used):
        owner, dot, _ = name.partition(".")
        if name not in fields and name not in _TIMESTAMPS and not (dot and owner in owners):
            raise InvalidInputError(
                f"{where}: {name} is neither a data field of this meter nor a custom field of {', '.join(sorted(owners))}"
            )
