"""Measurements as rows of an answer."""

from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest
from typing import Final

from usance.application.ports.entities import EntityRepository
from usance.application.ports.read_budget import ReadBudget
from usance.application.ports.usage_log import Measurement
from usance.application.usage.plan import Plan
from usance.application.usage.ports import UsagePorts
from usance.application.usage.scopes import Limits, read_each, scopes_of
from usance.domain.metering.instants import instant_of
from usance.resources import instants
from usance.resources.wire import Document

KEPT_MAX: Final = 40_000
"""Beside those of the answer, some 40 MB: sorting them for each of 5,000 accounts takes over a minute."""
OWN_COLUMNS: Final = frozenset({"uid", "meterId", "meterCode", "accountId", "accountCode", "ts", "ets", "receivedAt"})


def measurement_rows(ports: UsagePorts, org_id: str, plan: Plan, limits: Limits) -> Sequence[Document]:
    """The measurements, the one received last first, at most one more than the plan's limit."""
    wanted, budget = plan.limit + 1, limits.budget()
    kept: list[Measurement] = []
    for found in read_each(
        scopes_of(ports, org_id, plan, limits),
        lambda scope: ports.usage.measurements(
            scope,
            plan.start,
            plan.end,
            where=plan.filters.get(scope.meter_id, {}),
            limit=wanted,
            budget=ReadBudget(limits.of_scope, whole=budget),
        ),
    ):
        kept += found
        if len(kept) > KEPT_MAX + wanted:
            kept = _latest(kept, wanted)
    latest = _latest(kept, wanted)
    meters = codes(ports.entities, org_id, "meter", (one.scope.meter_id for one in latest))
    accounts = codes(ports.entities, org_id, "account", (one.scope.account_id for one in latest))
    return [row_of(one, meters, accounts) for one in latest]


def _latest(found: Sequence[Measurement], count: int) -> list[Measurement]:
    return nlargest(count, found, key=lambda one: (one.received, one.ts, one.uid))


def codes(entities: EntityRepository, org_id: str, type_: str, ids: Iterable[str]) -> Mapping[str, str]:
    """The codes of entities by id, of those that still exist."""
    wanted = list(dict.fromkeys(ids))
    return {one["id"]: one["code"] for one in entities.get_many(org_id, type_, wanted)} if wanted else {}


def row_of(one: Measurement, meters: Mapping[str, str], accounts: Mapping[str, str]) -> Document:
    """A measurement with its codes; a field that has the name of a column of ours is shown as `field.<code>`."""
    fields = {**one.numbers, **one.texts}
    return {
        "uid": one.uid,
        "meterId": one.scope.meter_id,
        "meterCode": meters.get(one.scope.meter_id),
        "accountId": one.scope.account_id,
        "accountCode": accounts.get(one.scope.account_id),
        "ts": _text(one.ts),
        "ets": None if one.ets is None else _text(one.ets),
        "receivedAt": _text(one.received),
        **{f"field.{code}" if code in OWN_COLUMNS else code: value for code, value in fields.items()},
    }


def _text(since_epoch_microseconds: int) -> str:
    return instants.to_text(instant_of(since_epoch_microseconds))
