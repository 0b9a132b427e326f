"""Questions about usage, kept to be asked again (metering.md 7)."""

from collections.abc import Mapping
from typing import Any, Final

from usance.domain.catalog.proposal import Proposal
from usance.domain.catalog.usage_questions import check_question
from usance.domain.kernel.errors import InvalidInputError
from usance.resources import instants
from usance.resources.data_export import TimePeriod
from usance.resources.fields import DateTime, Name, Noun
from usance.resources.questions import named_by, related_to
from usance.resources.resource import IDS, Resource
from usance.resources.usage_query import UsageQuery


class SavedUsageQuery(UsageQuery):
    """A question about usage; its time is from `startDate` to `endDate`, or a `timePeriod` of the day it is asked."""

    start_date: DateTime | None = None  # type: ignore[assignment]
    end_date: DateTime | None = None  # type: ignore[assignment]
    time_period: TimePeriod | None = None


class SavedQuery(Noun):
    """A question with its name."""

    name: Name
    usage_query: SavedUsageQuery


def check_saved_query(proposal: Proposal) -> Mapping[str, Any]:
    """It could be asked now: its meters answer it, and it says of what time."""
    asked = proposal.new["usageQuery"]
    start, end = asked.get("startDate"), asked.get("endDate")
    if "timePeriod" in asked and (start or end):
        raise InvalidInputError("usageQuery.timePeriod: leave it out, or leave out startDate and endDate")
    if "timePeriod" not in asked and not (start and end):
        raise InvalidInputError("usageQuery.timePeriod is required, or startDate and endDate are")
    if start and end and instants.from_text(end) <= instants.from_text(start):
        raise InvalidInputError("usageQuery.endDate must be after startDate")
    check_question(asked, named_by(proposal))
    return {}


SAVED_QUERY: Final = Resource(
    type="savedQuery",
    path="usage/savedqueries",
    model=SavedQuery,
    title="Saved query",
    filters=(IDS,),
    related=related_to(lambda saved: saved["usageQuery"]),
    rules=(check_saved_query,),
)
