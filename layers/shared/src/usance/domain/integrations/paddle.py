"""Bills as manually collected transactions of Paddle (Paddle Billing), which are its draft invoices."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from usance.domain.integrations.amounts import places_of, whole_units
from usance.domain.integrations.answers import Answer, refused
from usance.domain.integrations.checks import account_of, check_billable, choice_option, text_option
from usance.domain.integrations.external_ids import ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice, InvoiceLine
from usance.domain.integrations.selection import COMMON_TO_BILLS
from usance.domain.integrations.spreading import less_credits
from usance.domain.integrations.system import Setting, System
from usance.domain.integrations.wording import described, mark
from usance.domain.kernel.ids import derived_id
from usance.domain.notifications.delivery import Fault

NAME_MAX_CHARS: Final = 150  # of a price, which the invoice shows
PRODUCT_MAX_CHARS: Final = 200
DESCRIPTION_MAX_CHARS: Final = 500
DEFAULT_TAX_CATEGORY: Final = "standard"
SPREAD: Final = "SPREAD"
CREDITS: Final = (SPREAD, "REFUSE")
TAX_MODES: Final = ("account_setting", "external", "internal")

SYSTEM: Final = System(
    identifier="Paddle",
    display_name="Paddle",
    destinations=("PADDLE", "PADDLE_SANDBOX"),
    credentials={"PADDLE_AUTH": (Setting("apiKey", "API key", required=True, secret=True, in_header=True),)},
    options=(
        *COMMON_TO_BILLS,
        Setting("credits", "Credits lower the other line items, or are refused", choices=CREDITS),
        Setting("taxMode", "Tax mode of prices", choices=TAX_MODES),
        Setting("taxCategory", "Tax category of line items whose product is not mapped"),
        Setting("issueOnApproval", "Issue the invoice when the bill is approved", kind="boolean"),
    ),
    tables={"Bill": ("Transaction",), "Account": ("Customer", "Address", "Business"), "Product": ("Product",)},
)

STATUSES_THAT_COUNT: Final = ("draft", "ready", "billed", "paid", "completed", "past_due")  # all but cancelled

_OPEN: Final = frozenset({"draft", "ready"})
_MARK: Final = "usance_bill"
_CONTENT: Final = "usance_content"
_FAULTS: Final[Mapping[str, Fault]] = {
    "transaction_immutable": Fault.PASSING,  # somebody issued or cancelled it meanwhile; the next attempt sees that
    "transaction_invalid_status_change": Fault.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Current:
    """A transaction as Paddle has it. Only drafts can be changed."""

    id: str
    status: str
    mark: str
    content: str

    @property
    def gone(self) -> bool:
        """Whether it was cancelled."""
        return self.status == "canceled"

    @property
    def open(self) -> bool:
        """Whether it can be changed."""
        return self.status in _OPEN

    @property
    def issued(self) -> bool:
        """Whether the customer has it as an invoice, and has not paid."""
        return self.status == "billed"


def transaction_document(
    invoice: Invoice, options: Mapping[str, Any], known: ExternalIds, address_id: str
) -> dict[str, Any] | None:
    """The transaction as it shall be; None when there is nothing to charge.

    Paddle takes no amount below 0: credits lower the charges in proportion, unless they are to be refused. Lines of 0 are
    left out.
    """
    check_billable(invoice, SYSTEM.display_name)
    customer = account_of(invoice, known, SYSTEM.display_name, "Customer")
    places = places_of(invoice.currency)
    units = whole_units([line.amount for line in invoice.lines], places)
    if min(units) < 0 and choice_option(options, "credits", CREDITS) != SPREAD:
        named = ", ".join(line.description for line, amount in zip(invoice.lines, units, strict=True) if amount < 0)
        raise ConnectorError(
            Fault.PAYLOAD_REFUSED,
            f"Paddle takes no line below 0, and bill {invoice.bill_id} has credits ({named}); "
            f"set configData.credits to {SPREAD} to take them off the other line items",
        )
    items = [
        _item(line, amount, lowered, invoice.currency, options, known)
        for line, amount, lowered in zip(invoice.lines, units, less_credits(units), strict=True)
        if lowered > 0
    ]
    if not items:
        return None
    document: dict[str, Any] = {
        "customer_id": customer,
        "address_id": address_id,
        "currency_code": invoice.currency,
        "collection_mode": "manual",
        "billing_details": _billing_details(invoice),
        "items": items,
    }
    if business := known.of("Account", invoice.account_id, "Business"):
        document["business_id"] = business
    content = derived_id(repr(document))
    return document | {"custom_data": {_MARK: mark(invoice), _CONTENT: content}}


def is_ours(invoice: Invoice, current: Current) -> bool:
    """Whether a transaction was made of this bill."""
    return current.mark == mark(invoice)


def is_same(document: Mapping[str, Any] | None, current: Current) -> bool:
    """Whether a transaction says what `document` does."""
    return document is not None and document["custom_data"][_CONTENT] == current.content


def current_of(found: Mapping[str, Any]) -> Current:
    """A transaction of an answer."""
    ours = found.get("custom_data") or {}
    return Current(found["id"], found["status"], ours.get(_MARK) or "", ours.get(_CONTENT) or "")


def refusal(answer: Answer, document: Mapping[str, Any]) -> ConnectorError:
    """What an answer other than 2xx means."""
    error = document.get("error") or {}
    code = error.get("code") or ""
    fields = [f"{one.get('field')}: {one.get('message')}" for one in error.get("errors") or ()]
    detail = "; ".join(text for text in (code, error.get("detail") or "", *fields) if text)
    return refused(answer, detail, _FAULTS.get(code))


def _billing_details(invoice: Invoice) -> dict[str, Any]:
    period = f"{invoice.period_start} to before {invoice.period_end}"
    details: dict[str, Any] = {
        "enable_checkout": False,
        "payment_terms": {"interval": "day", "frequency": max((invoice.due_date - invoice.invoice_date).days, 1)},
        "additional_information": f"{invoice.number}, {period}" if invoice.number else period,
    }
    if invoice.purchase_order_number:
        details["purchase_order_number"] = invoice.purchase_order_number
    return details


def _item(
    line: InvoiceLine, amount: int, lowered: int, currency: str, options: Mapping[str, Any], known: ExternalIds
) -> dict[str, Any]:
    whole = Decimal(amount).scaleb(-places_of(currency))
    more = f", {whole:f} less credits" if lowered < amount else ""
    price: dict[str, Any] = {
        "name": described(line, NAME_MAX_CHARS - len(more)) + more,
        "description": described(line, DESCRIPTION_MAX_CHARS),
        "unit_price": {"amount": str(lowered), "currency_code": currency},
        "tax_mode": choice_option(options, "taxMode", TAX_MODES),
        "quantity": {"minimum": 1, "maximum": 1},
    }
    product = known.of("Product", line.product.id, "Product") if line.product else None
    if product:
        return {"quantity": 1, "price": price | {"product_id": product}}
    name = (line.product.name if line.product else "") or line.description
    category = text_option(options, "taxCategory", DEFAULT_TAX_CATEGORY)
    return {"quantity": 1, "price": price | {"product": {"name": name[:PRODUCT_MAX_CHARS], "tax_category": category}}}
