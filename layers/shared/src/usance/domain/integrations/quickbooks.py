"""Bills as invoices of QuickBooks Online (its Accounting API, Invoice)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from usance.domain.integrations.amounts import places_of, whole_units
from usance.domain.integrations.answers import Answer, refused
from usance.domain.integrations.checks import account_of, check_billable, choice_option, flag_option, text_option
from usance.domain.integrations.external_ids import ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice, InvoiceLine
from usance.domain.integrations.selection import COMMON_TO_BILLS
from usance.domain.integrations.system import Setting, System
from usance.domain.integrations.wording import described, mark
from usance.domain.kernel.ids import derived_id
from usance.domain.kernel.quantity import ONE, ZERO
from usance.domain.notifications.delivery import Fault

PLACES_MAX: Final = 2  # of an amount
DESCRIPTION_MAX_CHARS: Final = 4_000
NUMBER_MAX_CHARS: Final = 21
TAX_CALCULATIONS: Final = ("TaxExcluded", "TaxInclusive", "NotApplicable")

SYSTEM: Final = System(
    identifier="QuickBooks",
    display_name="QuickBooks",
    destinations=("QUICKBOOKS", "QUICKBOOKS_SANDBOX"),
    credentials={
        "OAUTH_CLIENT_CREDENTIALS": (
            Setting("clientId", "Client id", required=True),
            Setting("clientSecret", "Client secret", required=True, secret=True),
            Setting("refreshToken", "Refresh token", required=True, secret=True),
            Setting("realmId", "Company id (realm id)", required=True),
        )
    },
    options=(
        *COMMON_TO_BILLS,
        Setting("defaultItemId", "Item of line items whose product is not mapped"),
        Setting("taxCode", "Tax code of line items"),
        Setting("globalTaxCalculation", "Tax of companies outside the US", choices=TAX_CALCULATIONS),
        Setting("useBillNumber", "Number invoices as their bills", kind="boolean"),
    ),
    tables={"Bill": ("Invoice",), "Account": ("Customer",), "Product": ("Item",)},
)

_VOIDED: Final = "Voided"  # QuickBooks begins the private note of a voided invoice with it
_UNAUTHORIZED: Final = frozenset({"100", "120", "3100", "3200"})
_FAULTS: Final[Mapping[str, Fault]] = {
    "5010": Fault.PASSING,  # somebody changed the invoice meanwhile
    "6210": Fault.PERIOD_CLOSED,
    "6540": Fault.ALREADY_PAID,  # its payment was deposited
    **dict.fromkeys(_UNAUTHORIZED, Fault.CREDENTIALS_REFUSED),
}


@dataclass(frozen=True, slots=True)
class Current:
    """An invoice as QuickBooks has it. An update must name the `sync_token` it was read with."""

    id: str
    sync_token: str
    total: Decimal
    balance: Decimal
    note: str

    @property
    def gone(self) -> bool:
        """Whether it was voided; it stays, with amounts of 0."""
        return self.note.startswith(_VOIDED)

    @property
    def paid(self) -> bool:
        """Whether anything was paid or credited."""
        return self.balance < self.total


def invoice_document(
    invoice: Invoice, options: Mapping[str, Any], known: ExternalIds, current: Current | None = None
) -> dict[str, Any]:
    """The invoice as it shall be, whole: an update replaces what is there.

    A line has quantity 1 and its amount as price: QuickBooks refuses a line that is not quantity × price (error 6070).
    """
    check_billable(invoice, SYSTEM.display_name)
    places = min(places_of(invoice.currency), PLACES_MAX)
    amounts = whole_units([line.amount for line in invoice.lines], places)
    document: dict[str, Any] = {
        "CustomerRef": {"value": account_of(invoice, known, SYSTEM.display_name, "Customer")},
        "DocNumber": numbers(invoice, options)[0],
        "TxnDate": invoice.invoice_date.isoformat(),
        "DueDate": invoice.due_date.isoformat(),
        "CurrencyRef": {"value": invoice.currency},
        "PrivateNote": f"Bill {mark(invoice)}",
        "Line": [
            _line(line, Decimal(amount).scaleb(-places), options, known)
            for line, amount in zip(invoice.lines, amounts, strict=True)
        ],
    }
    if current:
        document |= {"Id": current.id, "SyncToken": current.sync_token, "sparse": False}
    if invoice.purchase_order_number:
        document["CustomerMemo"] = {"value": f"Purchase order {invoice.purchase_order_number}"}
    if text_option(options, "globalTaxCalculation"):
        document["GlobalTaxCalculation"] = choice_option(options, "globalTaxCalculation", TAX_CALCULATIONS)
    return document


def numbers(invoice: Invoice, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The document numbers that the invoice may have, the wanted one first.

    A bill gets its number late, and notes cannot be searched: until then, and as a name to be found by, a number of our own.
    """
    own = "U-" + derived_id(mark(invoice)).replace("-", "")[-12:]
    number = invoice.number
    if not number or not flag_option(options, "useBillNumber", default=True):
        return (own,)
    if len(number) > NUMBER_MAX_CHARS:
        raise ConnectorError(
            Fault.PAYLOAD_REFUSED,
            f"bill number {number} has more than the {NUMBER_MAX_CHARS} characters of QuickBooks; "
            "set configData.useBillNumber to false",
        )
    return (number, own)


def query_of(document_numbers: tuple[str, ...]) -> str:
    """The query for invoices with these numbers."""
    quoted = ", ".join("'" + number.replace("\\", "\\\\").replace("'", "\\'") + "'" for number in document_numbers)
    return f"select * from Invoice where DocNumber in ({quoted})"  # noqa: S608 - quoted and escaped above


def is_ours(invoice: Invoice, current: Current) -> bool:
    """Whether an invoice was made of this bill."""
    return mark(invoice) in current.note


def current_of(found: Mapping[str, Any]) -> Current:
    """An invoice of an answer."""
    total, balance = found.get("TotalAmt") or ZERO, found.get("Balance") or ZERO
    return Current(found["Id"], found["SyncToken"], Decimal(total), Decimal(balance), found.get("PrivateNote") or "")


def refusal(answer: Answer, document: Mapping[str, Any]) -> ConnectorError:
    """What an answer other than 2xx means."""
    body = document.get("Fault") or document.get("fault") or {}
    errors = body.get("Error") or body.get("error") or ()
    detail = "; ".join(
        f"{error.get('code')} {error.get('Detail') or error.get('detail') or error.get('Message') or error.get('message') or ''}"
        for error in errors
    )
    fault = next((_FAULTS[error["code"]] for error in errors if error.get("code") in _FAULTS), None)
    return refused(answer, detail, fault)


def _line(line: InvoiceLine, amount: Decimal, options: Mapping[str, Any], known: ExternalIds) -> dict[str, Any]:
    item = known.of("Product", line.product.id, "Item") if line.product else None
    item = item or text_option(options, "defaultItemId")
    if not item:
        what = f"product {line.product.id} ({line.product.name})" if line.product else f"line item {line.description}"
        raise ConnectorError(
            Fault.PAYLOAD_REFUSED,
            f"{what} has no item in QuickBooks; map the product to an Item with an external mapping, "
            "or set configData.defaultItemId",
        )
    detail: dict[str, Any] = {"ItemRef": {"value": item}, "Qty": ONE, "UnitPrice": amount}
    if line.service_start:
        detail["ServiceDate"] = line.service_start.date().isoformat()
    if tax := text_option(options, "taxCode"):
        detail["TaxCodeRef"] = {"value": tax}
    return {
        "DetailType": "SalesItemLineDetail",
        "Amount": amount,
        "Description": described(line, DESCRIPTION_MAX_CHARS),
        "SalesItemLineDetail": detail,
    }
