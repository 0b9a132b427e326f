"""The fees of an account's commitments: which bill each is on (billing.md 8.1)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from decimal import Decimal

from usance.application.billing.catalogue import Catalogue
from usance.application.billing.charges import goes_onto, grouping_on, own_key
from usance.application.billing.convert_plans import calendar_of, has_calendar
from usance.application.billing.values import day, first, instant, optional_day
from usance.domain.billing.attached import AttachedPlan, Attachment
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.dated import Fee
from usance.domain.billing.fee_schedule import FeePlan
from usance.domain.billing.terms import Terms
from usance.domain.kernel.calendar import Calendar
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import EXACT, ZERO
from usance.domain.kernel.timezones import local_day
from usance.resources.commitment import COMMITMENT
from usance.resources.instants import from_text
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class DatedFee:
    """A fee on a date of its own; it goes onto a bill as an ad hoc charge of that date does, `own` if none other."""

    fee: Fee
    own: BillKey


@dataclass(frozen=True, slots=True)
class Fees:
    """All fees of an account: those that follow the bills of a plan, and those on dates of their own."""

    plans: tuple[FeePlan, ...] = ()
    dated: tuple[DatedFee, ...] = ()

    def of(
        self, key: BillKey, attached: Sequence[Attachment], terms: Terms, apart: frozenset[BillKey]
    ) -> tuple[Fee, ...]:
        """The fees on the bill `key`, which leaves some to the bills `apart`."""
        on = key.day
        planned = (
            plan.fee_on(on, terms.currency(plan.template.currency), terms.zone)
            for plan in self.plans
            if plan.grouping == key.grouping
            and (key.frequency is BillFrequency.MIXED or plan.key(on) == key)
            and plan.key(on) not in apart
        )
        dated = (one.fee for one in self.dated if one.fee.day == on and goes_onto(one.own, key, attached, terms.zone))
        return (*(fee for fee in planned if fee), *dated)


def fees_of(
    catalogue: Catalogue,
    account: Document,
    attached: Sequence[Attachment],
    epochs: Mapping[str, str],
    zone: tzinfo,
) -> Fees:
    """The fees of the account's commitments. `InvalidInputError` when a plan that one refers to is gone."""
    commitments = catalogue.entities.list_all(catalogue.org_id, COMMITMENT.type, filters={"accountId": [account["id"]]})
    plans: list[FeePlan] = []
    dated: list[DatedFee] = []
    for commitment in sorted(commitments, key=lambda one: str(one["id"])):
        dated += _dated(catalogue, commitment, zone)
        if commitment.get("billingPlanId") and (
            calendar := _calendar(catalogue, commitment, account, attached, epochs)
        ):
            plans.append(_planned(catalogue, commitment, calendar, zone))
    return Fees(tuple(plans), tuple(dated))


def _calendar(
    catalogue: Catalogue,
    commitment: Document,
    account: Document,
    attached: Sequence[Attachment],
    epochs: Mapping[str, str],
) -> Calendar | None:
    """When the commitment's plan bills; with no epoch of the commitment's own as the account is billed for that plan.

    None for a plan that has no periods: its bills follow dates, and so must the fees.
    """
    plan_id = commitment["billingPlanId"]
    template = catalogue.one("planTemplate", catalogue.one("plan", plan_id)["planTemplateId"])
    if not has_calendar(template):
        return None
    if not commitment.get("billEpoch"):
        for one in attached:
            if isinstance(one, AttachedPlan) and one.plan_id == plan_id:
                return one.calendar
    return calendar_of(template, commitment, account, epochs)


def _planned(catalogue: Catalogue, commitment: Document, calendar: Calendar, zone: tzinfo) -> FeePlan:
    start, end = day(commitment["startDate"]), day(commitment["endDate"])
    whole = Instants(instant(commitment["startDate"], zone), instant(commitment["endDate"], zone))
    return FeePlan(
        calendar=calendar,
        start=start,
        end=end,
        outstanding=EXACT.subtract(commitment["amount"], commitment.get("amountPrePaid") or ZERO),
        first=Decimal(commitment.get("amountFirstBill") or 0),
        interval=int(commitment.get("billingInterval") or 1),
        offset=int(commitment.get("billingOffset") or 0),
        in_advance=bool(first("commitmentFeeBillInAdvance", commitment, catalogue.config())),
        grouping=grouping_on(catalogue, commitment),
        template=_fee(commitment, 0, start, ZERO, whole),
        changed=local_day(from_text(commitment["dtLastModified"]), zone),
        billed_to=optional_day(commitment.get("changedWhenBilledTo")) or date.min,
    )


def _dated(catalogue: Catalogue, commitment: Document, zone: tzinfo) -> Iterator[DatedFee]:
    for number, stated in enumerate(commitment.get("feeDates") or ()):
        span = Instants(instant(stated["servicePeriodStartDate"], zone), instant(stated["servicePeriodEndDate"], zone))
        fee = _fee(commitment, number, day(stated["date"]), stated["amount"], span)
        own = own_key(catalogue, {"billDate": stated["date"], "contractId": fee.contract_id})
        yield DatedFee(fee, own)


def _fee(commitment: Document, number: int, on: date, amount: Decimal, span: Instants) -> Fee:
    return Fee(
        commitment_id=commitment["id"],
        currency=commitment["currency"],
        number=number,
        day=on,
        amount=Decimal(amount),
        span=span,
        since=on,
        description=commitment.get("commitmentFeeDescription"),
        contract_id=commitment.get("contractId"),
        accounting_product_ids=(commitment.get("feesAccountingProductId"), commitment.get("accountingProductId")),
    )
