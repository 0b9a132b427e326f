"""What line items of usage must count, as queries of which stored measurements can be the answer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from usance.application.ports.usage_log import UsageScope
from usance.domain.billing.attached import AttachedPlan
from usance.domain.billing.pool import ChildBilling, Member, Piece
from usance.domain.billing.pricings import Compound, Pricing
from usance.domain.billing.usage import UsageQuery, UsageValues, quantity, usage_queries
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.period import Instants
from usance.domain.metering.aggregation import total
from usance.resources.wire import Document

WHOLE_FAMILY: Final = "*"
"""In the place of a child account: the line items of all accounts of a family, which only their sum says something of."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is in a quantity: `value` takes the answers to `queries`; None when nothing was used."""

    queries: tuple[UsageQuery, ...]
    value: Callable[[UsageValues], Decimal | None]


@dataclass(slots=True)
class Charge:
    """Line items of one kind, mostly one, and the parts that they must come to; without `lines` there should be some.

    `account_id` is whose usage they name: a child's, or the bill's own account. `calculated` is None without a bill.
    A charge of several meters, of a compound aggregation, is compared with the first, `meter_id`.
    """

    bill_id: str
    account_id: str
    meter_id: str
    calculated: datetime | None
    parts: list[Part] = field(default_factory=list)
    lines: list[Document] = field(default_factory=list)

    @property
    def quantity(self) -> Decimal:
        """What the line items count."""
        return total([Decimal(line["quantity"]) for line in self.lines])

    def queries(self) -> Iterator[UsageQuery]:
        """All that must be known to say what they should count."""
        for part in self.parts:
            yield from part.queries

    def spans(self, scope: UsageScope) -> Iterator[Instants]:
        """When it counts the usage of a meter and account."""
        for query in self.queries():
            if query.meter_id == scope.meter_id:
                for piece in pieces_of(query, self.account_id):
                    if piece.account_id == scope.account_id:
                        yield piece.span


def pieces_of(query: UsageQuery, account_id: str) -> Sequence[Piece]:
    """Whose usage the query is of; that of `account_id` when it names nobody."""
    return (Piece(account_id, query.span),) if query.pieces is None else query.pieces


def parts_of(plan: AttachedPlan, pricing: Pricing, span: Instants, payer: str) -> Iterator[tuple[str, Part]]:
    """By child account, "" for none: the values that line items have; of a family each account's own (billing.md 5.2)."""
    whole = Part(usage_queries(plan, pricing, span), lambda known: quantity(known, plan, pricing, span))
    if not plan.is_split:
        child = plan.origin.child
        yield child.id if child else "", whole
    elif not isinstance(pricing.aggregation, Compound):
        yield from _of_members(plan, pricing, span, payer, pricing.aggregation.default_value)
    elif plan.child_billing is ChildBilling.CHILD:
        raise InvalidInputError("the share of one bill in a compound aggregation of a family is not recounted")
    else:
        yield WHOLE_FAMILY, whole


def _of_members(
    plan: AttachedPlan, pricing: Pricing, span: Instants, payer: str, default: Decimal | None
) -> Iterator[tuple[str, Part]]:
    queries = [query for member in plan.members for query in usage_queries(plan, pricing, span, member)]
    for at, (member, query) in enumerate(zip(plan.members, queries, strict=True)):
        if plan.child_billing is ChildBilling.CHILD and member.account_id != payer:
            continue
        if at:
            yield _child_named(plan, member), Part((query,), or_default(query, None))
        else:  # the default that nobody used is the first member's
            yield _child_named(plan, member), Part((query, *queries[1:]), or_default(query, default, *queries[1:]))


def or_default(
    query: UsageQuery, default: Decimal | None, *unless: UsageQuery
) -> Callable[[UsageValues], Decimal | None]:
    """The answer to `query`; `default` stands in for it when all of `unless` have no usage either."""

    def value(known: UsageValues) -> Decimal | None:
        answer = known[query]
        return default if answer is None and all(known[other] is None for other in unless) else answer

    return value


def _child_named(plan: AttachedPlan, member: Member) -> str:
    return member.child.id if member.child and plan.child_billing is not ChildBilling.CHILD else ""
