"""How many notification rules one core evaluates, beside the same decision written in Python."""

import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from benchmarks.figures import Figure
from benchmarks.usage import one_core
from usance.domain.notifications.rules import fires

SECONDS: Final = 2.0
AT_ONCE: Final = 1_000
RULES: Final = 50  # of an organization; each has a calculation of its own
CALCULATION: Final = (
    "(new.amountSpent >= ((new.amount*{0})/100)) AND "
    "((old.amountSpent <= ((old.amount*{0})/100)) OR (old.amountSpent == null))"
)
BEFORE: Final[Mapping[str, Any]] = {"amount": Decimal(1_000), "amountSpent": Decimal("899.99"), "customFields": {}}
AFTER: Final[Mapping[str, Any]] = {**BEFORE, "amountSpent": Decimal("970.01")}
DATA: Final = {"oldDto": BEFORE, "newDto": AFTER}


def figures() -> list[Figure]:
    """Evaluations a second of the published rule of a percentage that is crossed."""
    rules = [{"active": True, "calculation": CALCULATION.format(percent)} for percent in range(50, 50 + RULES)]
    percentages = [Decimal(percent) for percent in range(50, 50 + RULES)]
    with one_core():
        ours = _rate(lambda at: fires(rules[at % RULES], DATA))
        floor = _rate(lambda at: _by_hand(percentages[at % RULES], DATA))
    return [Figure("rule evaluations, one core", ours, "rules/s", "in Python by hand", floor)]


def _by_hand(percent: Decimal, data: Mapping[str, Any]) -> bool:
    """The same rule."""
    old, new = data["oldDto"], data["newDto"]
    spent, spent_before = new.get("amountSpent"), old.get("amountSpent")
    reached: bool = spent is not None and spent >= new["amount"] * percent / 100
    return reached and (spent_before is None or spent_before <= old["amount"] * percent / 100)


def _rate(evaluate: Callable[[int], bool]) -> float:
    fired = sum(map(evaluate, range(RULES)))
    if not 0 < fired < RULES:
        raise AssertionError(f"{fired} of {RULES} rules fire; some should")
    count, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < SECONDS:
        for at in range(AT_ONCE):
            evaluate(at)
        count += AT_ONCE
    return count / took
