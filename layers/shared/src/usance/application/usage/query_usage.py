"""Answer a question about usage (metering.md 7; the names of the columns are our choice, open question 17)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from usance.application.access.authorize import require
from usance.application.usage.aggregated_rows import aggregated_rows
from usance.application.usage.measurement_rows import measurement_rows
from usance.application.usage.plan import planned
from usance.application.usage.ports import UsagePorts
from usance.application.usage.scopes import QUERY_LIMITS
from usance.domain.access import Action, Caller
from usance.resources.usage_query import UsageQuery
from usance.resources.validation import document_of, validated
from usance.resources.wire import ANSWER_MAX_BYTES, Document, answer_bytes, dumps

RESOURCE_TYPE = "measurement"
ROWS_MAX_BYTES: Final = ANSWER_MAX_BYTES - 1_000  # what is around the rows is shorter


def query_usage(ports: UsagePorts, caller: Caller, body: Mapping[str, Any]) -> Document:
    """Rows in `data`, as many as were asked for and an answer holds, and whether there are more (`hasMoreData`).

    With aggregations a row per group, in ascending order of the groups; without, measurements, the one received last
    first. `InvalidInputError` names what is wrong, and says when the question would read more than is read at once.
    """
    require(caller, Action.ANALYTICS_QUERY, RESOURCE_TYPE)
    plan = planned(ports, caller.org_id, document_of(validated(UsageQuery, body)))
    rows_of = aggregated_rows if plan.shown else measurement_rows
    return _cut(rows_of(ports, caller.org_id, plan, QUERY_LIMITS), plan.limit)


def _cut(rows: Iterable[Document], limit: int) -> Document:
    shown: list[Document] = []
    size = 0
    for row in rows:
        size += answer_bytes(dumps(row))
        if len(shown) == limit or size > ROWS_MAX_BYTES:
            return {"data": shown, "hasMoreData": True}
        shown.append(row)
    return {"data": shown, "hasMoreData": False}
