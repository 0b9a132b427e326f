"""What a kind of destination does for the runs that are delivered to it; all else is the same for every kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from usance.domain.notifications.delivery import Outcome
from usance.domain.notifications.pacing import Pace
from usance.resources.wire import Document


class UndeliverableError(Exception):
    """The run cannot be delivered as things are, and will not be tried: the reason, for people."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was made. `log` is what the run keeps of it, without secrets, with `fault` and `error` among it.

    `fields` are properties of the run that it set, such as `externalId`.
    """

    outcome: Outcome
    log: Document
    fields: Mapping[str, Any] = field(default_factory=dict)


class Dispatch(Protocol):
    """A run that is ready to be sent."""

    def send(self, began: datetime) -> Attempt:
        """Make one attempt, of a run that is claimed. Never raises for what the destination does."""
        ...


class Courier(Protocol):
    """Delivers the runs of a kind of destination."""

    @property
    def pace(self) -> Pace:
        """How long its attempts may take."""
        ...

    def prepare(self, org_id: str, run: Document) -> Dispatch:
        """What is to be sent for a run. `UndeliverableError` where its destination takes nothing, or nothing is left to send."""
        ...
