"""What an audit finds: figures that differ, what could not be compared, and how both are named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from usance.application.exports.files import cell
from usance.application.ports.usage_log import UsageScope
from usance.domain.kernel.quantity import ZERO
from usance.domain.metering.tally import Tally, figures
from usance.resources.wire import Document


class Stage(StrEnum):
    """The stage that is not what the one before it says."""

    ACCEPTED = "ACCEPTED"
    STORED = "STORED"
    EXPORTED = "EXPORTED"
    BILLED = "BILLED"


class Cause(StrEnum):
    """What kind of difference it is."""

    NO_RECEIPT = "NO_RECEIPT"
    LOST = "LOST"
    ALTERED = "ALTERED"
    COPIED = "COPIED"
    UNREADABLE = "UNREADABLE"
    DIFFERENT = "DIFFERENT"
    LATE = "LATE"
    NOT_BILLED = "NOT_BILLED"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that should be `expected` and is `found`."""

    name: str
    expected: Decimal
    found: Decimal


@dataclass(frozen=True, slots=True)
class Difference:
    """Something wrong with one meter of one account."""

    stage: Stage
    cause: Cause
    scope: UsageScope
    message: str
    figures: Sequence[Figure] = ()

    def document(self, names: Mapping[str, str]) -> Document:
        """As the report has it. `names` are codes by id."""
        return {
            "stage": self.stage.value,
            "cause": self.cause.value,
            **scope_names(self.scope, names),
            "message": self.message,
            "figures": [
                {"figure": one.name, "expected": cell(one.expected), "found": cell(one.found)} for one in self.figures
            ],
        }


@dataclass(frozen=True, slots=True)
class NotCompared:
    """What was left out, and why."""

    stage: Stage
    scope: UsageScope
    reason: str

    def document(self, names: Mapping[str, str]) -> Document:
        """As the report has it."""
        return {"stage": self.stage.value, **scope_names(self.scope, names), "reason": self.reason}


@dataclass(slots=True)
class Findings:
    """Of one meter of one account."""

    differences: list[Difference] = field(default_factory=list)
    not_compared: list[NotCompared] = field(default_factory=list)


def differing(expected: Tally, found: Tally) -> Sequence[Figure]:
    """The figures of two tallies that are not equal."""
    one, other = figures(expected), figures(found)
    names = dict.fromkeys([*one, *other])
    return [
        Figure(name, one.get(name, ZERO), other.get(name, ZERO))
        for name in names
        if one.get(name, ZERO) != other.get(name, ZERO)
    ]


def scope_names(scope: UsageScope, names: Mapping[str, str]) -> Document:
    """A meter and an account with their codes; null for one that is gone."""
    return {
        "meterId": scope.meter_id,
        "meterCode": names.get(scope.meter_id),
        "accountId": scope.account_id,
        "accountCode": names.get(scope.account_id),
    }
