"""What measurements come to, in figures that can be added: however they are packed, cut or merged, the figures stay.

Beside counts and sums, every value is multiplied with a mark of its measurement's uid. A value that moves from one
measurement to another changes no sum, but such a product. The figures find faults; they are no defence against a forger.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal, localcontext
from operator import mul
from typing import Final
from zlib import crc32

from usance.domain.kernel.quantity import ZERO
from usance.domain.metering.columns import Columns, Number

MODULUS: Final = 2**62  # of the sums of marks: they fit 64 bits of any store or language

_UNROUNDED: Final = Context(prec=200)  # numbers of 38 digits times marks of 10, however many and whatever their places


@dataclass(frozen=True, slots=True)
class NumberTally:
    """Of a numeric field: how many values, their sum, and the sum of their products with the marks. Exact."""

    count: int
    total: Decimal
    marked: Decimal


@dataclass(frozen=True, slots=True)
class Tally:
    """Figures of some measurements. A field without any value is not in `numbers` or `texts`."""

    count: int = 0
    uids: int = 0
    ts: int = 0
    ets: int = 0
    numbers: Mapping[str, NumberTally] = field(default_factory=dict)
    texts: Mapping[str, int] = field(default_factory=dict)

    def plus(self, other: "Tally") -> "Tally":
        """Of the measurements of both."""
        return self._with(other, 1)

    def minus(self, other: "Tally") -> "Tally":
        """Of the measurements without those of `other`, which are among them."""
        return self._with(other, -1)

    def _with(self, other: "Tally", sign: int) -> "Tally":
        numbers, texts = dict(self.numbers), dict(self.texts)
        for code, more in other.numbers.items():
            numbers[code] = _added(numbers.get(code, NumberTally(0, ZERO, ZERO)), more, sign)
        for code, marked in other.texts.items():
            texts[code] = (texts.get(code, 0) + sign * marked) % MODULUS
        return Tally(
            self.count + sign * other.count,
            (self.uids + sign * other.uids) % MODULUS,
            (self.ts + sign * other.ts) % MODULUS,
            (self.ets + sign * other.ets) % MODULUS,
            {code: one for code, one in numbers.items() if one != NumberTally(0, ZERO, ZERO)},
            {code: marked for code, marked in texts.items() if marked},
        )


def tally_of(columns: Columns) -> Tally:
    """The figures of `columns`. An empty text counts as none: not every form of an export tells them apart."""
    marks = [crc32(uid.encode()) + 1 for uid in columns.uids]
    numbers = {code: _number_tally(marks, column) for code, column in columns.numbers.items()}
    texts = {code: _text_tally(marks, column) for code, column in columns.texts.items()}
    return Tally(
        len(marks),
        sum(marks) % MODULUS,
        sum(map(mul, marks, columns.ts)) % MODULUS,
        sum(mark * end for mark, end in zip(marks, columns.ets, strict=True) if end is not None) % MODULUS,
        {code: one for code, one in numbers.items() if one.count},
        {code: marked for code, marked in texts.items() if marked},
    )


def sum_of(tallies: Iterable[Tally]) -> Tally:
    """The figures of all."""
    result = Tally()
    for one in tallies:
        result = result.plus(one)
    return result


def figures(tally: Tally) -> Mapping[str, Decimal]:
    """Every figure by a name that a reader understands; what is absent is 0."""
    found = {
        "measurements": Decimal(tally.count),
        "uids": Decimal(tally.uids),
        "ts": Decimal(tally.ts),
        "ets": Decimal(tally.ets),
    }
    for code, one in tally.numbers.items():
        found[f"values of {code}"] = Decimal(one.count)
        found[f"sum of {code}"] = one.total
        found[f"{code} by uid"] = one.marked
    return found | {f"{code} by uid": Decimal(marked) for code, marked in tally.texts.items()}


def _added(one: NumberTally, more: NumberTally, sign: int) -> NumberTally:
    with localcontext(_UNROUNDED):
        return NumberTally(
            one.count + sign * more.count, one.total + sign * more.total, one.marked + sign * more.marked
        )


def _number_tally(marks: Sequence[int], column: Sequence[Number | None]) -> NumberTally:
    if set(map(type, column)) == {int}:  # the common case
        return NumberTally(len(column), Decimal(sum(column)), Decimal(sum(map(mul, marks, column))))  # type: ignore[arg-type]
    present = [(mark, Decimal(value)) for mark, value in zip(marks, column, strict=True) if value is not None]
    with localcontext(_UNROUNDED):
        total = sum((value for _, value in present), ZERO)
        return NumberTally(len(present), total, sum((mark * value for mark, value in present), ZERO))


def _text_tally(marks: Sequence[int], column: Sequence[str | None]) -> int:
    values: dict[str | None, int] = {text: crc32(text.encode()) if text else 0 for text in set(column)}
    marked: int = sum(map(mul, marks, [values[text] for text in column]))
    return marked % MODULUS
