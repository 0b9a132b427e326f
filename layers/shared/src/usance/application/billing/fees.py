"""The fees of an account's commitments: which bill each is on (billing.md 8.1)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from decimal import Decimal
from typing import Final

from usance.application.billing.catalogue import Catalogue
from usance.application.billing.charges import goes_onto, grouping_on, own_key
from usance.application.billing.convert import day, first, instant
from usance.application.billing.convert_plans import calendar_of, has_calendar
from usance.application.ports.bills import BillQuery, BillRepository
from usance.application.ports.entities import EntityRepository, Guard
from usance.domain.billing.attached import AttachedPlan, Attachment
from usance.domain.billing.dated import Fee
from usance.domain.billing.fee_schedule import FeePlan
from usance.domain.billing.inputs import BillFrequency, BillingInputs, BillKey
from usance.domain.billing.terms import Terms
from usance.domain.kernel.calendar import Calendar
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import EXACT, ZERO
from usance.resources import wire
from usance.resources.commitment import COMMITMENT
from usance.resources.wire import Document

FEES_ON_A_BILL_MAX: Final = 100  # bills with fees of one commitment and day: those of every frequency are fewer
BILLED: Final = "fees"  # beside the header of a bill: what it has of commitments, by their ids


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


def fees_guard(entities: EntityRepository, org_id: str, account_id: str) -> Guard:
    """To read before what other bills have of an account's fees, and to name in the change of the bill that follows.

    Which fees a bill has, and what they make up for, follows from all others; two bills at a time would charge it twice.
    """
    return entities.read_guard(org_id, f"fees of account {account_id}")


def billed_elsewhere(
    bills: BillRepository, org_id: str, account_id: str, bill_id: str, fees: Sequence[Fee]
) -> frozenset[str]:
    """The commitments among `fees`, all of one day, whose fees of that day another bill than `bill_id` has.

    Plans come and go, and with them the bill that a date falls on; a fee stays on the bill that has it.
    """
    found: set[str] = set()
    for fee in fees:
        query = BillQuery({"accountId": [account_id], "commitmentId": [fee.commitment_id]}, end_date=fee.day)
        for bill in bills.list_page(org_id, query, page_size=FEES_ON_A_BILL_MAX).data:
            if bill["id"] != bill_id and _has(bills, org_id, bill["id"], fee):
                found.add(fee.commitment_id)
    return frozenset(found)


def caught_up(bills: BillRepository, org_id: str, inputs: BillingInputs, plans: Sequence[FeePlan]) -> tuple[Fee, ...]:
    """The fees of `inputs` with what they make up for, of those that follow `plans` (billing.md 8.2)."""
    schedules = {plan.template.commitment_id: plan for plan in plans}
    return tuple(
        _caught_up(bills, org_id, inputs, fee, schedules[fee.commitment_id]) if fee.commitment_id in schedules else fee
        for fee in inputs.fees
    )


def _caught_up(bills: BillRepository, org_id: str, inputs: BillingInputs, fee: Fee, schedule: FeePlan) -> Fee:
    terms = inputs.terms
    billed: dict[date, Decimal] = {}
    for on, amount in _billed(bills, org_id, inputs, fee):
        billed[on] = EXACT.add(billed.get(on, ZERO), amount)
    return replace(fee, behind=schedule.behind(fee.day, billed, terms.currency(fee.currency), terms.zone))


def _billed(bills: BillRepository, org_id: str, inputs: BillingInputs, fee: Fee) -> Iterator[tuple[date, Decimal]]:
    """What other bills than that of `inputs` have of the commitment of `fee`, by their days."""
    by = {"accountId": inputs.account.id, "commitmentId": fee.commitment_id, "lineItemType": "COMMITMENT_FEE"}
    query = BillQuery({name: [value] for name, value in by.items()})
    token = None
    while True:
        page = bills.list_page(org_id, query, page_size=FEES_ON_A_BILL_MAX, next_token=token)
        ids = [header["id"] for header in page.data if header["id"] != inputs.bill_id]
        for stored in bills.get_many_stored(org_id, ids):
            kept = wire.loads(stored.private.get(BILLED, "{}")).get(fee.commitment_id, {})
            if kept.get("currency") == fee.currency:
                yield day(stored.header["endDate"]), Decimal(kept["amount"])
        token = page.next_token
        if token is None:
            return


def billed_fees(line_items: Sequence[Document]) -> dict[str, str]:
    """The text to keep beside a bill: what it has of each commitment; none without fees."""
    found: dict[str, dict[str, str]] = {}
    for line in line_items:
        if line["lineItemType"] == "COMMITMENT_FEE":
            before = found.get(line["commitmentId"], {"amount": "0"})["amount"]
            amount = EXACT.add(Decimal(before), line["subtotal"])
            found[line["commitmentId"]] = {"currency": line["currency"], "amount": str(amount)}
    return {BILLED: wire.dumps(found).decode()} if found else {}


def _has(bills: BillRepository, org_id: str, bill_id: str, fee: Fee) -> bool:
    return any(
        line["lineItemType"] == "COMMITMENT_FEE" and line.get("commitmentId") == fee.commitment_id
        for line in bills.line_items(org_id, bill_id)
    )


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
