"""Bills as invoices of NetSuite (its REST record API), upserted by their external id (platform.md 10.6)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from usance.domain.integrations.amounts import places_of, whole_units
from usance.domain.integrations.answers import Answer, refused
from usance.domain.integrations.checks import account_of, check_billable, flag_option, text_option
from usance.domain.integrations.external_ids import ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice, InvoiceLine
from usance.domain.integrations.system import BILL, Setting, System
from usance.domain.integrations.wording import described, mark
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import ONE, ZERO
from usance.domain.notifications.delivery import Fault

PLACES_MAX: Final = 2  # decimals of amounts, whatever the currency
DESCRIPTION_MAX_CHARS: Final = 999
PENDING_APPROVAL: Final = "1"
APPROVED: Final = "2"
START_FIELD: Final = "revRecStartDate"
END_FIELD: Final = "revRecEndDate"
# What is drawn from, or paid into, what a customer has committed to: revenue that NetSuite recognises by product.
COMMITTED: Final = frozenset(
    {
        "COMMITMENT_CONSUMED",
        "COMMITMENT_FEE",
        "BALANCE_CONSUMED",
        "BALANCE_FEE",
        "OVERAGE_SURCHARGE",
        "OVERAGE_USAGE",
    }
)
_ACCOUNT_ID: Final = re.compile(r"[A-Za-z0-9]{1,40}(?:[_-][A-Za-z0-9]{1,20}){0,3}")
_VOIDED: Final = "voided"
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Current:
    """An invoice as NetSuite has it."""

    id: str
    status: str
    paid: Decimal

    @property
    def voided(self) -> bool:
        """Whether somebody voided it; it keeps its external id, so that no other can have that."""
        return self.status.casefold() == _VOIDED


def site_of(account_id: str) -> str:
    """The address of an account: `123456_SB1` is at `https://123456-sb1.suitetalk.api.netsuite.com`."""
    if not _ACCOUNT_ID.fullmatch(account_id):
        raise ConnectorError(Fault.CREDENTIALS_REFUSED, "credentials.accountId must be such as 123456 or 123456_SB1")
    return f"https://{account_id.lower().replace('_', '-')}.suitetalk.api.netsuite.com"


def address_of(account_id: str, invoice_id: str) -> str:
    """Where people see an invoice."""
    site = site_of(account_id).replace(".suitetalk.api.", ".app.")
    return f"{site}/app/accounting/transactions/custinvc.nl?id={invoice_id}"


def external_id_of(invoice: Invoice) -> str:
    """The external id of a bill's invoice."""
    return "usance-" + mark(invoice).replace("/", "-")


def current_of(found: Mapping[str, Any]) -> Current:
    """An invoice of an answer."""
    status = found.get("status") or {}
    return Current(str(found["id"]), str(status.get("refName") or status.get("id") or ""), _amount(found, "amountPaid"))


def check_changeable(current: Current | None) -> None:
    """Refuse to touch an invoice that is paid or void."""
    if current and current.paid > ZERO:
        raise ConnectorError(Fault.ALREADY_PAID, f"NetSuite has payments on invoice {current.id}")
    if current and current.voided:
        raise ConnectorError(
            Fault.REFUSED, f"invoice {current.id} was voided in NetSuite; clear its external id there to have another"
        )


def invoice_document(invoice: Invoice, options: Mapping[str, Any], known: ExternalIds) -> dict[str, Any]:
    """The invoice as it shall be. `fields` of the options come first, so that they cannot change what the bill says."""
    check_billable(invoice, SYSTEM.display_name)
    places = min(places_of(invoice.currency), PLACES_MAX)
    amounts = whole_units([line.amount for line in invoice.lines], places)
    document: dict[str, Any] = {
        **(options.get("fields") or {}),
        "entity": {"id": account_of(invoice, known, SYSTEM.display_name, "Customer")},
        "currency": {"id": _currency(invoice, options)},
        "tranDate": invoice.invoice_date.isoformat(),
        "dueDate": invoice.due_date.isoformat(),
        "startDate": invoice.period_start.isoformat(),
        "endDate": _last_day(invoice.period_end).isoformat(),
        "memo": f"Bill {mark(invoice)}",
        "item": {
            "items": [
                _line(invoice, line, Decimal(amount).scaleb(-places), options, known)
                for line, amount in zip(invoice.lines, amounts, strict=True)
            ]
        },
    }
    if invoice.purchase_order_number:
        document["otherRefNum"] = invoice.purchase_order_number
    if invoice.number and flag_option(options, "useBillNumber", default=False):
        document["tranId"] = invoice.number
    if flag_option(options, "approvalStatus", default=False):
        document["approvalStatus"] = {"id": APPROVED if invoice.approved else PENDING_APPROVAL}
    return document


def _line(
    invoice: Invoice, line: InvoiceLine, amount: Decimal, options: Mapping[str, Any], known: ExternalIds
) -> dict[str, Any]:
    """A line has quantity 1 and its amount as rate: NetSuite multiplies the two."""
    written: dict[str, Any] = {
        **(options.get("lineFields") or {}),
        "item": {"id": _item(line, options, known)},
        "description": described(line, DESCRIPTION_MAX_CHARS),
        "quantity": ONE,
        "rate": amount,
        "amount": amount,
    }
    if flag_option(options, "serviceDates", default=False):
        first = line.service_start.date() if line.service_start else invoice.period_start
        last = _last_day(line.service_end or invoice.period_end)
        written[text_option(options, "startDateField", START_FIELD) or START_FIELD] = first.isoformat()
        written[text_option(options, "endDateField", END_FIELD) or END_FIELD] = max(first, last).isoformat()
    return written


def _item(line: InvoiceLine, options: Mapping[str, Any], known: ExternalIds) -> str:
    mapped = known.of("Product", line.product.id, "Item") if line.product else None
    if mapped:
        return mapped
    usual = text_option(options, "defaultItemId")
    if usual and line.kind not in COMMITTED:
        return usual
    if line.product:
        what, fix = f"product {line.product.id} ({line.product.name})", "map the product to an Item"
    else:
        what, fix = f"line item {line.description}", "give it an accounting product that is mapped to an Item"
    more = "" if line.kind in COMMITTED else ", or set configData.defaultItemId"
    raise ConnectorError(Fault.PAYLOAD_REFUSED, f"{what} has no item in NetSuite; {fix}{more}")


def _currency(invoice: Invoice, options: Mapping[str, Any]) -> str:
    found = (options.get("currencies") or {}).get(invoice.currency)
    if not found:
        raise ConnectorError(
            Fault.PAYLOAD_REFUSED, f"configData.currencies must name the internal id of {invoice.currency} in NetSuite"
        )
    return str(found)


def _last_day(end: date | datetime) -> date:
    """The last day before `end`, which is the first day or instant that does not count."""
    at = end if isinstance(end, datetime) else datetime.combine(end, time())
    return (at - _INSTANT).date()


def _amount(found: Mapping[str, Any], name: str) -> Decimal:
    return Decimal(found.get(name) or 0)


def refusal(answer: Answer, document: Mapping[str, Any]) -> ConnectorError:
    """What an answer other than 2xx means. Most refusals have one code for all, and differ by their text."""
    errors: Sequence[Mapping[str, Any]] = document.get("o:errorDetails") or ()
    detail = "; ".join(
        ": ".join(text for text in (str(error.get("o:errorCode") or ""), str(error.get("detail") or "")) if text)
        for error in errors
    ) or str(document.get("title") or "")
    lowered = detail.lower()
    fault = None
    if "period" in lowered and ("closed" in lowered or "locked" in lowered):
        fault = Fault.PERIOD_CLOSED
    return refused(answer, detail, fault)


def check_options(options: Mapping[str, Any]) -> None:
    """`InvalidInputError` for options that no invoice can be made with."""
    for code, id_ in options.get("currencies", {}).items():
        if not isinstance(id_, (str, int)) or isinstance(id_, bool) or not id_:
            raise InvalidInputError(f"configData.currencies.{code} must be the internal id of the currency in NetSuite")


SYSTEM: Final = System(
    identifier="NetSuite",
    display_name="NetSuite",
    destinations=("NETSUITE",),
    credentials={
        "NETSUITE_AUTH": (
            Setting("accountId", "Account id", required=True),
            Setting("clientId", "Client id of the integration record", required=True),
            Setting("keyId", "Certificate id", required=True),
            Setting("privateKey", "Private key of the certificate, in PEM", required=True, secret=True),
        )
    },
    options=(
        Setting("currencies", "Internal ids of currencies, by their codes", required=True, kind="object"),
        Setting("defaultItemId", "Item of lines whose product has none"),
        Setting("serviceDates", "Give lines their service dates (advanced revenue management)", kind="boolean"),
        Setting("startDateField", "Field of lines with the first day of service"),
        Setting("endDateField", "Field of lines with the last day of service"),
        Setting("approvalStatus", "Invoices are pending until the bill is approved", kind="boolean"),
        Setting("useBillNumber", "Number invoices as their bills", kind="boolean"),
        Setting("fields", "Further fields of the invoice", kind="object"),
        Setting("lineFields", "Further fields of its lines", kind="object"),
    ),
    tables={"Account": ("Customer",), "Product": ("Item",), BILL: ("Invoice",)},
    check=check_options,
)
