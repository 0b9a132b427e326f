"""Answer a question about usage (metering.md 7; the names of the columns are our choice, open question 17)."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from usance.application.access.authorize import require
from usance.application.usage.aggregated_rows import aggregated_rows
from usance.application.usage.measurement_rows import measurement_rows
from usance.application.usage.plan import planned
from usance.application.usage.ports import UsagePorts
from usance.application.usage.scopes import QUERY_LIMITS
from usance.domain.access import Action, Caller
from usance.resources.usage_query import UsageQuery
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document

RESOURCE_TYPE = "measurement"


def query_usage(ports: UsagePorts, caller: Caller, body: Mapping[str, Any]) -> Document:
    """Rows in `data`, and whether there are more (`hasMoreData`).

    With aggregations a row per group, in ascending order of the groups; without, measurements, the one received last
    first. `InvalidInputError` names what is wrong, and says when the question would read more than is read at once.
    """
    require(caller, Action.ANALYTICS_QUERY, RESOURCE_TYPE)
    plan = planned(ports, caller.org_id, document_of(validated(UsageQuery, body)))
    rows_of = aggregated_rows if plan.shown else measurement_rows
    rows = list(islice(rows_of(ports, caller.org_id, plan, QUERY_LIMITS), plan.limit + 1))
    return {"data": rows[: plan.limit], "hasMoreData": len(rows) > plan.limit}
