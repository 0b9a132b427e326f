"""What the bills of an account say they counted, and what its plans say they should have."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from usance.application.billing.catalogue import Catalogue
from usance.application.billing.consolidation import apart
from usance.application.billing.convert_pricings import aggregation_of
from usance.application.billing.gather import Agreement, bill_id, gather
from usance.application.billing.overrides import Overrides
from usance.application.billing.states import key_of_stored
from usance.application.ports.bills import BillQuery, DateRange, StoredBill
from usance.application.proof.charges import WHOLE_FAMILY, Charge, Part, or_default, parts_of
from usance.application.proof.period import AuditPeriod
from usance.application.proof.ports import ProofPorts
from usance.domain.billing.attached import AttachedPlan
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.due import key_of
from usance.domain.billing.items import LineItemType
from usance.domain.billing.priced_spans import priced_spans
from usance.domain.billing.usage import UsageQuery
from usance.domain.billing.windows import closing_window
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.period import Instants
from usance.domain.kernel.timezones import local_day
from usance.resources import instants
from usance.resources.wire import Document

PAGE: Final = 100
BILLED_WITHIN_DAYS: Final = 32  # after the period: monthly bills that hold its last days
_OF_USAGE: Final = frozenset({LineItemType.USAGE.value, LineItemType.USAGE_CREDIT.value})

_Kind = tuple[str, Instants, str]
"""What tells the line items of usage of a bill apart: the pricing, the service period and the child account."""


@dataclass(slots=True)
class AccountBills:
    """Of one account, for all meters. `problems` are, by meter, why something cannot be compared; "" stands for all."""

    spans: list[Instants] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)

    def meter_ids(self) -> set[str]:
        """The meters that anything is said of."""
        counted = {query.meter_id for charge in self.charges for query in charge.queries()}
        return {meter_id for meter_id, _ in self.problems if meter_id} | counted


def bills_of(ports: ProofPorts, catalogue: Catalogue, account_id: str, period: AuditPeriod) -> AccountBills:
    """Of the bills whose time touches the period, and those that should be there by now."""
    found = AccountBills()
    account = ports.entities.get(catalogue.org_id, "account", account_id)
    if account is None:
        found.problems.append(("", "the account is gone: what its plans ask for is not known any more"))
    keys: set[BillKey] = set()
    own = BillQuery(filters={"accountId": [account_id]})
    for header in _headers(ports, catalogue.org_id, own, period):
        if stored := ports.bills.get_stored(catalogue.org_id, header["id"]):  # else it was deleted meanwhile
            keys.add(key_of_stored(stored))
            _read_bill(ports, catalogue, found, account, stored)
    try:
        if account:
            found.charges += _missing(ports, gather(catalogue, account, Overrides()), keys, period)
    except InvalidInputError as refused:
        found.problems.append(("", f"what the plans ask for is not known: {refused.message}"))
    return found


def _read_bill(
    ports: ProofPorts, catalogue: Catalogue, found: AccountBills, account: Document | None, stored: StoredBill
) -> None:
    header = stored.header
    found.spans.append(_span(header, "startDateTimeUTC", "endDateTimeUTC"))
    wanted: dict[_Kind, Charge] = {}
    try:
        if account:
            agreement = gather(catalogue, account, Overrides.from_text(stored.private.get("overrides")))
            wanted = _wanted(ports, agreement, key_of_stored(stored), header)
    except InvalidInputError as refused:
        found.problems.append(("", f"what the bill {header['id']} should count is not known: {refused.message}"))
    for line in ports.bills.line_items(catalogue.org_id, header["id"]):
        if line["lineItemType"] in _OF_USAGE:
            _take(found, catalogue, header, line, wanted)
    found.charges += wanted.values()


def accounts_billed(ports: ProofPorts, org_id: str, period: AuditPeriod) -> set[str]:
    """The accounts with a bill of the period, or of the month that it ends in."""
    dates = DateRange(period.first_day, period.last_day + timedelta(days=BILLED_WITHIN_DAYS))
    return {header["accountId"] for header in _headers(ports, org_id, BillQuery(bill_dates=dates), period)}


def _headers(ports: ProofPorts, org_id: str, query: BillQuery, period: AuditPeriod) -> Iterator[Document]:
    token: str | None = None
    while True:
        page = ports.bills.list_page(org_id, query, page_size=PAGE, next_token=token)
        for header in page.data:
            span = _span(header, "startDateTimeUTC", "endDateTimeUTC")
            if span.start < period.end and period.start < span.end:
                yield header
        token = page.next_token
        if token is None:
            return


def _take(
    found: AccountBills, catalogue: Catalogue, header: Document, line: Document, wanted: dict[_Kind, Charge]
) -> None:
    """A line item with what its plan asks for; by what it says itself when the plan is not attached any more."""
    kind: _Kind = (line.get("pricingId", ""), _span(line, *_SERVICE), line.get("childAccountId", ""))
    of_family: _Kind = (*kind[:2], WHOLE_FAMILY)
    if of_family in wanted:
        kind = of_family
    elif kind not in wanted:
        name = f"the line item {line['id']} of the bill {header['id']}"
        aggregations = catalogue.many("aggregation", [line.get("aggregationId")])
        if not aggregations or line.get("contractId") or line.get("childAccountId"):
            reason = "what it was billed under is not attached any more" if aggregations else "it has no aggregation"
            found.problems.append((line.get("meterId", ""), f"{name}: {reason}"))
            return
        aggregation = aggregation_of(aggregations[0], catalogue.meter_of_query(aggregations[0]))
        segment = tuple(sorted(line["segment"].items())) if line.get("segment") else None
        query = UsageQuery(
            aggregation.id,
            kind[1],
            segment,
            aggregation.meter_id,
            aggregation.method,
            aggregation.target_field,
            segmented_fields=aggregation.segmented_fields,
            segments=aggregation.segments,
            custom_sql=aggregation.custom_sql,
        )
        calculated = instants.from_text(header["lastCalculatedDate"])
        wanted[kind] = Charge(header["id"], header["accountId"], query.meter_id, calculated)
        wanted[kind].parts.append(Part((query,), or_default(query, aggregation.default_value)))
    wanted[kind].lines.append(line)


def _missing(ports: ProofPorts, agreement: Agreement, there: set[BillKey], period: AuditPeriod) -> Iterator[Charge]:
    """What plans ask for on bills that end within the period, were to be made by yesterday, and are not there.

    Scheduled billing has a day to make them; a consolidated bill stands for all of its day.
    """
    zone = agreement.terms.zone
    shared = {(key.day, key.grouping) for key in there if key.frequency is BillFrequency.MIXED}
    days = (period.last_day - period.first_day).days + 1
    ends = [period.first_day + timedelta(days=at) for at in range(1, days + 1)]
    due = {
        key_of(plan, day)
        for plan in agreement.plans
        for day in ends
        if day < local_day(ports.clock.now(), zone) and closing_window(plan, day, zone)
    }
    for key in sorted(due - there):
        if (key.day, key.grouping) not in shared:
            yield from _wanted(ports, agreement, key, None).values()


def _wanted(ports: ProofPorts, agreement: Agreement, key: BillKey, header: Document | None) -> dict[_Kind, Charge]:
    """What the plans of a bill ask for, without line items yet."""
    account_id = agreement.account["id"]
    id_ = header["id"] if header else bill_id(agreement.org_id, account_id, key)
    calculated = instants.from_text(header["lastCalculatedDate"]) if header else None
    elsewhere = apart(ports.bills, agreement, key)
    found: dict[_Kind, Charge] = {}
    for plan in agreement.attached_to(key):
        if not isinstance(plan, AttachedPlan) or key_of(plan, key.day) in elsewhere:
            continue
        window = closing_window(plan, key.day, agreement.terms.zone)
        for priced in priced_spans(plan.pricings, window.span) if window else ():
            for child, part in parts_of(plan, priced.pricing, priced.span, account_id):
                kind: _Kind = (priced.pricing.id, priced.span, child)
                whose = child if child and child != WHOLE_FAMILY else account_id
                charge = found.setdefault(kind, Charge(id_, whose, part.queries[0].meter_id, calculated))
                charge.parts.append(part)
    return found


_SERVICE: Final = ("servicePeriodStartDate", "servicePeriodEndDate")


def _span(document: Document, start: str, end: str) -> Instants:
    return Instants(instants.from_text(document[start]), instants.from_text(document[end]))
