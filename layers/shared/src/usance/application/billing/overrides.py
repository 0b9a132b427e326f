"""What a bill job may set in place of the configuration, kept with each bill so that a recalculation repeats it."""

from dataclasses import dataclass, field
from typing import Final, Self

from usance.resources import wire
from usance.resources.wire import Document

EPOCHS: Final = ("dayEpoch", "weekEpoch", "monthEpoch", "yearEpoch")
FIELDS: Final = (
    "billDate",
    "dueDate",
    "externalInvoiceDate",
    "timezone",
    "targetCurrency",
    "currencyConversions",
    *EPOCHS,
)


@dataclass(frozen=True, slots=True)
class Overrides:
    """The fields of `FIELDS` that a job set; those it left out are absent."""

    values: Document = field(default_factory=dict)

    @classmethod
    def of_job(cls, job: Document) -> Self:
        """Those of a job."""
        return cls({name: job[name] for name in FIELDS if job.get(name) is not None})

    @classmethod
    def from_text(cls, text: str | None) -> Self:
        """As `text` wrote them; none when there is no text."""
        return cls(wire.loads(text)) if text else cls()

    def text(self) -> str:
        """To keep beside a bill."""
        return wire.dumps(dict(sorted(self.values.items()))).decode()
