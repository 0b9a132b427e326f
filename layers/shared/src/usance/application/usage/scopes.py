"""Which meters and accounts a question has to read, and the reading of many at once."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from usance.application.ports.read_budget import MEGABYTE, ReadBudget
from usance.application.ports.usage_log import UsageScope
from usance.application.usage.plan import Plan
from usance.application.usage.ports import UsagePorts
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.instants import microseconds, months_between

PARALLEL_MAX: Final = 4  # each reads in several threads of its own
NAMED_READS_MAX: Final = 2_000
"""Months of meters of accounts that are read, in a few seconds, without asking which have usage."""

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many meters of accounts one question may read, how much of all together, and of one of them.

    `custom` is for how many accounts, or groups and segments of all of them, a customer's own SQL may run.
    """

    scopes: int
    measurements: int
    of_scope: int  # measurements
    megabytes: int  # of all together, as they are stored
    custom: int = 100  # each a database of its own, some ten milliseconds

    def budget(self) -> ReadBudget:
        """That of one question."""
        return ReadBudget(self.measurements, self.megabytes * MEGABYTE)


QUERY_LIMITS: Final = Limits(
    scopes=5_000,  # reads, each of some milliseconds, eight at a time
    measurements=2_000_000,  # read, counted once and aggregated in some seconds of the 29 that there are
    of_scope=2_000_000,
    megabytes=200,  # the store hands out about one an answer: where items are small, or fields many, they end first
)


def scopes_of(ports: UsagePorts, org_id: str, plan: Plan, limits: Limits) -> Sequence[UsageScope]:
    """The meters of accounts that may have usage of the plan's time. Raises `InvalidInputError` beyond the limit."""
    named = _named(org_id, plan)
    found = _with_usage(ports, org_id, plan) if named is None else named
    if len(found) > limits.scopes:
        raise InvalidInputError(
            f"the query would read {len(found)} meters of accounts, more than {limits.scopes}; name fewer meterIds or accountIds"
        )
    apart = any(group["groupType"] == "ACCOUNT" for group in plan.groups)
    if apart and len(found) > limits.custom and any(one.sql for one in plan.measured):
        raise InvalidInputError(
            f"the query would run customSql for {len(found)} meters of accounts, more than {limits.custom}; name accountIds"
        )
    return found


def _named(org_id: str, plan: Plan) -> Sequence[UsageScope] | None:
    """Those that the plan names by meter and account, whether they have usage or not; None where that is too many reads.

    To ask which have usage reads of every meter of every account of the organization.
    """
    if plan.meter_ids is None or plan.account_ids is None:
        return None
    months = months_between(microseconds(plan.start), microseconds(plan.end))
    if len(plan.meter_ids) * len(plan.account_ids) * len(months) > NAMED_READS_MAX:
        return None
    return [UsageScope(org_id, meter, account) for meter in plan.meter_ids for account in plan.account_ids]


def _with_usage(ports: UsagePorts, org_id: str, plan: Plan) -> Sequence[UsageScope]:
    """Those that have usage in the months of the plan, of what it names."""
    meters, accounts = (None if ids is None else frozenset(ids) for ids in (plan.meter_ids, plan.account_ids))
    return [
        scope
        for scope in ports.usage.scopes(org_id, plan.start, plan.end)
        if (meters is None or scope.meter_id in meters) and (accounts is None or scope.account_id in accounts)
    ]


def read_each(scopes: Sequence[UsageScope], read: Callable[[UsageScope], _Found]) -> Iterator[_Found]:
    """What `read` answers for each scope, in their order, several read at a time."""
    if len(scopes) == 1:
        yield read(scopes[0])
        return
    with ThreadPoolExecutor(PARALLEL_MAX) as pool:
        for at in range(0, len(scopes), PARALLEL_MAX):  # no further than a caller that stops wants
            yield from pool.map(read, scopes[at : at + PARALLEL_MAX])
