"""Bills as sales invoices of Xero (its Accounting API, Invoices)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from usance.domain.integrations.amounts import sum_of, whole_units
from usance.domain.integrations.answers import Answer, refused
from usance.domain.integrations.checks import account_of, check_billable, choice_option, flag_option, text_option
from usance.domain.integrations.external_ids import ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice, InvoiceLine
from usance.domain.integrations.selection import COMMON_TO_BILLS
from usance.domain.integrations.system import Setting, System
from usance.domain.integrations.wording import described, mark
from usance.domain.kernel.quantity import ONE, ZERO
from usance.domain.notifications.delivery import Fault

PLACES: Final = 2  # of every amount in Xero, whatever the currency
DESCRIPTION_MAX_CHARS: Final = 4_000
TAX_TREATMENTS: Final = ("Exclusive", "Inclusive", "NoTax")

SYSTEM: Final = System(
    identifier="Xero",
    display_name="Xero",
    destinations=("XERO",),
    credentials={
        "OAUTH_CLIENT_CREDENTIALS": (
            Setting("clientId", "Client id", required=True),
            Setting("clientSecret", "Client secret", required=True, secret=True),
            Setting("refreshToken", "Refresh token, of an app that users authorize", secret=True),
            Setting("tenantId", "Tenant id, needed with a refresh token", in_header=True),
            Setting("scope", "Scopes of the app, accounting.transactions where it is left out"),
        )
    },
    options=(
        *COMMON_TO_BILLS,
        Setting("accountCode", "Sales account of line items", required=True),
        Setting("taxType", "Tax type of line items"),
        Setting("lineAmountTypes", "Amounts are exclusive or inclusive of tax", choices=TAX_TREATMENTS),
        Setting("brandingThemeId", "Branding theme"),
        Setting("useBillNumber", "Number invoices as their bills", kind="boolean"),
    ),
    tables={"Bill": ("Invoice",), "Account": ("Contact",), "Product": ("Item",)},
)

_GONE: Final = frozenset({"VOIDED", "DELETED"})
_DRAFT: Final = "DRAFT"
_AUTHORISED: Final = "AUTHORISED"


@dataclass(frozen=True, slots=True)
class Current:
    """An invoice as Xero has it."""

    id: str
    status: str
    total: Decimal
    settled: Decimal  # paid or credited

    @property
    def gone(self) -> bool:
        """Whether it was voided or deleted, which Xero never takes back."""
        return self.status in _GONE

    @property
    def paid(self) -> bool:
        """Whether anything was paid or credited. An invoice of 0 is PAID as soon as it is authorised, and is not meant."""
        return self.settled > ZERO or (self.status == "PAID" and self.total > ZERO)


def invoice_document(
    invoice: Invoice, options: Mapping[str, Any], known: ExternalIds, current: Current | None = None
) -> dict[str, Any]:
    """The invoice as it shall be. Authorised when the bill is approved; else a draft, or what a user made of it.

    A line has quantity 1 and its amount as price: Xero refuses a line that is not quantity × price, and a tiered charge is not.
    """
    check_billable(invoice, SYSTEM.display_name)
    amounts = whole_units([line.amount for line in invoice.lines], PLACES)
    document: dict[str, Any] = {
        "Type": "ACCREC",
        "Contact": {"ContactID": account_of(invoice, known, SYSTEM.display_name, "Contact")},
        "Date": invoice.invoice_date.isoformat(),
        "DueDate": invoice.due_date.isoformat(),
        "LineAmountTypes": choice_option(options, "lineAmountTypes", TAX_TREATMENTS),
        "CurrencyCode": invoice.currency,
        "Reference": mark(invoice),
        "Status": _AUTHORISED if invoice.approved else (current.status if current else _DRAFT),
        "LineItems": [*_purchase_order(invoice), *_lines(invoice.lines, amounts, options, known)],
    }
    if current:
        document["InvoiceID"] = current.id
    if invoice.number and flag_option(options, "useBillNumber", default=True):
        document["InvoiceNumber"] = invoice.number
    if theme := text_option(options, "brandingThemeId"):
        document["BrandingThemeID"] = theme
    return document


def total_of(document: Mapping[str, Any]) -> Decimal:
    """What the lines of an invoice that shall be add up to, without tax."""
    return sum_of(line.get("LineAmount", ZERO) for line in document["LineItems"])


def removal_document(current: Current) -> dict[str, Any]:
    """What makes an invoice go: drafts are deleted, authorised ones voided."""
    return {"InvoiceID": current.id, "Status": "VOIDED" if current.status == _AUTHORISED else "DELETED"}


def current_of(found: Mapping[str, Any]) -> Current:
    """An invoice of an answer."""
    paid, credited = found.get("AmountPaid") or ZERO, found.get("AmountCredited") or ZERO
    return Current(
        found["InvoiceID"], found["Status"], Decimal(found.get("Total") or ZERO), Decimal(paid) + Decimal(credited)
    )


def address_of(invoice_id: str) -> str:
    """The invoice's page in Xero."""
    return f"https://go.xero.com/AccountsReceivable/View.aspx?InvoiceID={invoice_id}"


def refusal(answer: Answer, document: Mapping[str, Any]) -> ConnectorError:
    """What an answer other than 2xx means. Xero gives no code of a validation error, only its text."""
    messages = [error["Message"] for element in document.get("Elements") or () for error in _errors(element)]
    detail = "; ".join(messages) or document.get("Detail") or document.get("Message") or document.get("Title") or ""
    lowered = detail.lower()
    fault = None
    if "lock date" in lowered:
        fault = Fault.PERIOD_CLOSED
    elif "payment or credit note allocated" in lowered or "payments or credit notes allocated" in lowered:
        fault = Fault.ALREADY_PAID
    return refused(answer, detail, fault)


def _errors(element: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return element.get("ValidationErrors") or ()


def _purchase_order(invoice: Invoice) -> list[dict[str, Any]]:
    number = invoice.purchase_order_number
    return [{"Description": f"Purchase order {number}"}] if number else []


def _lines(
    lines: Sequence[InvoiceLine], amounts: Sequence[int], options: Mapping[str, Any], known: ExternalIds
) -> list[dict[str, Any]]:
    account, tax = text_option(options, "accountCode"), text_option(options, "taxType")
    if not account:
        raise ConnectorError(
            Fault.PAYLOAD_REFUSED, "configData.accountCode is missing; name the sales account of line items"
        )
    written = []
    for line, amount in zip(lines, amounts, strict=True):
        item = known.of("Product", line.product.id, "Item") if line.product else None
        price = Decimal(amount).scaleb(-PLACES)
        document = {
            "Description": described(line, DESCRIPTION_MAX_CHARS),
            "Quantity": ONE,
            "UnitAmount": price,
            "LineAmount": price,
            "AccountCode": account,
        }
        written.append(document | ({"TaxType": tax} if tax else {}) | ({"ItemCode": item} if item else {}))
    return written
