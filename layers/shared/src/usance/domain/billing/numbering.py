"""Running invoice numbers (billing.md 12.1, W11)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Numbering:
    """How the organization numbers bills: the first is `start + 1`."""

    prefix: str
    start: int

    def following(self, last: int | None) -> int:
        """The number after `last` (None: no bill has one yet). A raised start jumps ahead; a lowered one changes nothing."""
        return max(self.start, last if last is not None else self.start) + 1

    def text(self, number: int) -> str:
        """What the bill shows."""
        return f"{self.prefix}{number}"
