"""Which price holds on which days: a plan's before its template's, then the one that started last (billing.md 2.7)."""

from collections.abc import Sequence
from datetime import date
from typing import TypeVar

from tests.unit.domain.billing.naive.lines import CounterPrice, Price

Priced = TypeVar("Priced", Price, CounterPrice)


def stretches(prices: Sequence[Priced], days: Sequence[date]) -> list[tuple[Priced, list[date]]]:
    """For each thing that is priced the runs of days with one price, in order."""
    found: list[tuple[Priced, list[date]]] = []
    for key in dict.fromkeys(one.key for one in prices):
        before: Priced | None = None
        for day in days:
            holding = [one for one in prices if one.key == key and one.holds(day)]
            chosen = max(holding, key=lambda one: (not one.of_template, one.start, one.id), default=None)
            if chosen is not None and chosen is before:
                found[-1][1].append(day)
            elif chosen is not None:
                found.append((chosen, [day]))
            before = chosen
    return found
