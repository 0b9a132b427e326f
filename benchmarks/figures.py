"""What a benchmark reports."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    `beside` is the rival's or the floor's figure of the same run (None where there is none) and `beside_name` says what
    it is; `target` is the goal in words and `met` whether this run reached it (None: no goal).
    """

    name: str
    value: float
    unit: str
    beside_name: str = ""
    beside: float | None = None
    target: str = ""
    met: bool | None = None

    @property
    def ratio(self) -> float | None:
        """This figure over the one beside it."""
        return self.value / self.beside if self.beside else None


def shown(number: float | None) -> str:
    """Three significant digits, thousands separated."""
    if number is None:
        return ""
    if abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number:.3g}"


def table(figures: list[Figure]) -> str:
    """A plain table, one figure a row."""
    rows = [("figure", "value", "unit", "beside", "ratio", "target", "met")]
    for figure in figures:
        beside = f"{shown(figure.beside)} {figure.beside_name}".strip()
        met = {None: "", True: "yes", False: "NO"}[figure.met]
        rows.append((figure.name, shown(figure.value), figure.unit, beside, shown(figure.ratio), figure.target, met))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
