"""The two phases of a bill: what must be known of usage, then the bill (billing.md 11).

A new kind of charge is a new step in `STEPS`, at the place where section 11 has it.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from usance.domain.billing.attached import Attachment
from usance.domain.billing.billed import SETTLED, Billed
from usance.domain.billing.commitment_fee import commitment_fees
from usance.domain.billing.context import Attached_co, Context, Served, Step, TimeStep
from usance.domain.billing.counter_charge import counter_charges, counter_times
from usance.domain.billing.credit import Draw
from usance.domain.billing.dated_charges import ad_hoc_charges, balance_fees
from usance.domain.billing.dates import due_date, external_invoice_date
from usance.domain.billing.draft import BillDraft, Line
from usance.domain.billing.draw_down import settled
from usance.domain.billing.family_items import summarized
from usance.domain.billing.group_minimum import group_minimums
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.items import DRAW_DOWNS, Item
from usance.domain.billing.line_id import line_id
from usance.domain.billing.plan_minimum import minimum_times, plan_minimums
from usance.domain.billing.pricing_minimum import pricing_minimum_times, pricing_minimums
from usance.domain.billing.served import is_left, serve
from usance.domain.billing.standing_charge import standing_charges, standing_times
from usance.domain.billing.usage import UsageQuery, UsageValues
from usance.domain.billing.usage_charge import queries, usage_charges
from usance.domain.billing.usage_credit import global_credits, product_credits
from usance.domain.billing.windows import ends_period_of
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import EXACT, ZERO
from usance.domain.kernel.timezones import midnight

STEPS: Final[tuple[Step, ...]] = (
    usage_charges,
    counter_charges,
    standing_charges,
    ad_hoc_charges,
    pricing_minimums,
    plan_minimums,
    group_minimums,
    product_credits,
    global_credits,
)
TIMES: Final[tuple[TimeStep, ...]] = (
    lambda _, served: [Billed(SETTLED, window.span) for window in served.unsettled],
    standing_times,
    minimum_times,
    pricing_minimum_times,
    counter_times,
)
"""For which time a bill charges, kind by kind."""
FEES: Final[tuple[Step, ...]] = (commitment_fees, balance_fees)
"""What no credit pays for: steps after credits were drawn on."""


def plan_usage(inputs: BillingInputs) -> tuple[UsageQuery, ...]:
    """The usage values that `decide` will look up, each once, in a fixed order."""
    zone = inputs.terms.zone
    asked = (
        query
        for served in _served(inputs, inputs.plans)
        for window in served.unsettled
        for query in queries(served.plan, window, zone)
    )
    return tuple(dict.fromkeys(asked))


def serves(inputs: BillingInputs) -> bool:
    """Whether the bill's day ends or begins a period of any plan, or is that of a charge or fee; else it could bill nothing.

    Nor could it when other bills have, and keep, whatever falls on the day.
    """
    dated = bool(inputs.charges or inputs.fees)
    return dated or any(is_left(served) for served in _served(inputs, inputs.attached))


def concerns(inputs: BillingInputs) -> bool:
    """Whether the bill's day is one of any plan, if only that with which the period ends in which a plan ended."""
    day, zone = inputs.key.day, inputs.terms.zone
    return serves(inputs) or any(
        one.end is not None and ends_period_of(one, one.end, day, zone) for one in inputs.attached
    )


def billed_by(inputs: BillingInputs) -> Sequence[tuple[Attachment, Sequence[Billed]]]:
    """What a bill decided from `inputs` has of each of its plans and plan groups; no usage is needed to tell."""
    context = _context(inputs, {})
    attached: Sequence[Served[Attachment]] = (*context.served, *context.served_groups)
    with localcontext(EXACT):
        return [(served.plan, [part for step in TIMES for part in step(context, served)]) for served in attached]


def decide(inputs: BillingInputs, usage: UsageValues) -> BillDraft:
    """The bill. Equal inputs and usage give an equal bill. `usage` answers every query of `plan_usage`.

    Raises `InvalidInputError` when a currency conversion is missing.
    """
    context = _context(inputs, usage)
    with localcontext(EXACT):
        settlement = settled(context, summarized(_charges(context)))
        fees = [item for step in FEES for item in step(context, settlement.items)]
        return _draft(context, (*settlement.items, *fees), settlement.draws)


def charged_time(inputs: BillingInputs, usage: UsageValues) -> Instants | None:
    """From the first to the last of the time that the bill's charges are for, which credits may pay for; None without any.

    Raises as `decide` does.
    """
    with localcontext(EXACT):
        spans = [item.span for item in _charges(_context(inputs, usage))]
    return Instants(min(one.start for one in spans), max(one.end for one in spans)) if spans else None


def _context(inputs: BillingInputs, usage: UsageValues) -> Context:
    return Context(inputs, _served(inputs, inputs.plans), usage, _served(inputs, inputs.groups))


def _charges(context: Context) -> Sequence[Item]:
    items: list[Item] = []
    for step in STEPS:
        items.extend(step(context, items))
    return [item for item in items if not item.elsewhere]


def _served(inputs: BillingInputs, plans: Sequence[Attached_co]) -> tuple[Served[Attached_co], ...]:
    return tuple(serve(plan, inputs.key.day, inputs.terms.zone) for plan in plans)


def _draft(context: Context, items: Sequence[Item], draws: tuple[Draw, ...]) -> BillDraft:
    inputs, terms = context.inputs, context.inputs.terms
    day = inputs.key.day
    start = _start(context)
    bill_date = terms.dates.bill_date or day
    return BillDraft(
        id=inputs.bill_id,
        key=inputs.key,
        account=inputs.account,
        start=start,
        end=day,
        start_instant=midnight(start, terms.zone),
        end_instant=midnight(day, terms.zone),
        bill_date=bill_date,
        due_date=terms.dates.due_date or due_date(bill_date, terms.days_before_due),
        external_invoice_date=terms.dates.external_invoice_date or external_invoice_date(day, terms.invoice_date_rule),
        terms=terms,
        lines=_lines(context, items),
        draws=draws,
    )


def _start(context: Context) -> date:
    """The first day of the earliest period that ends with this bill; the bill's own day when none does."""
    starts = []
    for served in context.served:
        calendar = served.plan.calendar
        if served.closing:
            first = served.closing.span.start.astimezone(context.inputs.terms.zone).date()
            starts.append(min(served.closing.standard.start, first))
        elif calendar.is_boundary(context.inputs.key.day):
            starts.append(calendar.period(calendar.index_of(context.inputs.key.day) - 1).start)
    return min(starts, default=min((fee.since for fee in context.inputs.fees), default=context.inputs.key.day))


def _lines(context: Context, items: Sequence[Item]) -> tuple[Line, ...]:
    """The items in the billing currency. What several credits pay of one charge adds up as if one had paid it all.

    They pay no more than the lines before come to: what is rounded line by line may differ from its sum by some coins.
    """
    terms = context.inputs.terms
    currency = terms.currency(terms.billing_currency)
    paid: dict[str, Decimal] = {}
    total = ZERO
    lines = []
    for number, item in enumerate(items, start=1):
        rate = terms.rate(item.origin.currency, terms.billing_currency)
        if item.pays_for and item.type in DRAW_DOWNS:
            before = paid.get(item.pays_for, ZERO)
            after = paid[item.pays_for] = before - item.subtotal
            owed = currency.round(EXACT.multiply(after, rate)) - currency.round(EXACT.multiply(before, rate))
            converted = -min(owed, max(total, ZERO))
        else:
            converted = currency.round(EXACT.multiply(item.subtotal, rate))
        total = EXACT.add(total, converted)
        lines.append(Line(line_id(context.inputs.bill_id, item), number, item, rate, converted))
    return tuple(lines)
