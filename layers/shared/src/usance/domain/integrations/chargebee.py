"""Bills as invoices of Chargebee (its API v2: invoices for charge items and one-time charges)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

from usance.domain.integrations.amounts import places_of, whole_units
from usance.domain.integrations.answers import Answer, refused
from usance.domain.integrations.checks import account_of, check_billable, flag_option, text_option
from usance.domain.integrations.external_ids import ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice, InvoiceLine
from usance.domain.integrations.selection import COMMON
from usance.domain.integrations.system import Setting, System
from usance.domain.integrations.wording import described, mark
from usance.domain.kernel.ids import derived_id
from usance.domain.notifications.delivery import Fault

DESCRIPTION_MAX_CHARS: Final = 250

SYSTEM: Final = System(
    identifier="Chargebee",
    display_name="Chargebee",
    destinations=("CHARGEBEE",),
    credentials={
        "CHARGEBEE_AUTH": (
            Setting("site", "Site, such as acme or acme-test", required=True),
            Setting("apiKey", "API key with full access", required=True, secret=True),
        )
    },
    options=(
        *COMMON,
        Setting("autoCollection", "Collect at once, whatever the customer's setting", choices=("on", "off")),
        Setting("useBillDates", "Dates of the bill instead of Chargebee's", kind="boolean"),
        Setting("voidReasonCode", "Reason code of voided invoices, where the site demands one"),
    ),
    tables={"Bill": ("Invoice",), "Account": ("Customer",), "Product": ("ItemPrice",)},
)

Fields = list[tuple[str, str]]
"""Fields of a form, in order."""

_NOON: Final = time(12, tzinfo=UTC)  # the same day in the time zone of most sites
_FAULTS: Final[Mapping[str, Fault]] = {
    "api_request_limit_exceeded": Fault.RATE_LIMITED,
    "invalid_state_for_request": Fault.REFUSED,
    "site_not_found": Fault.CREDENTIALS_REFUSED,
}


@dataclass(frozen=True, slots=True)
class Current:
    """An invoice as Chargebee has it. Its charges can never be changed."""

    id: str
    status: str
    settled: int  # paid, credited or written off, in the currency's smallest unit
    notes: Sequence[str]

    @property
    def gone(self) -> bool:
        """Whether it was voided."""
        return self.status == "voided"


def invoice_fields(invoice: Invoice, options: Mapping[str, Any], known: ExternalIds) -> Fields:
    """The form that creates the invoice; none when there is nothing to charge.

    Credits are one discount on the whole invoice: Chargebee takes no charge below 0. Lines of 0 are left out.
    """
    check_billable(invoice, SYSTEM.display_name)
    customer = account_of(invoice, known, SYSTEM.display_name, "Customer")
    units = whole_units([line.amount for line in invoice.lines], places_of(invoice.currency))
    charged = [(line, amount) for line, amount in zip(invoice.lines, units, strict=True) if amount > 0]
    if not charged:
        return []
    fields: Fields = [("customer_id", customer), ("currency_code", invoice.currency)]
    if invoice.purchase_order_number:
        fields.append(("po_number", invoice.purchase_order_number))
    if collection := text_option(options, "autoCollection"):
        fields.append(("auto_collection", collection))
    if flag_option(options, "useBillDates", default=False):
        fields.append(("invoice_date", str(_seconds(invoice.invoice_date))))
        fields.append(("net_term_days", str(max((invoice.due_date - invoice.invoice_date).days, 0))))
    fields += _charges(charged, known)
    credit = sum(units) - sum(amount for _, amount in charged)
    if credit:
        fields += [("discounts[apply_on][0]", "invoice_amount"), ("discounts[amount][0]", str(-credit))]
    return [*fields, ("invoice_note", _note(invoice) + derived_id(*(text for field in fields for text in field))[-8:])]


def is_ours(invoice: Invoice, current: Current) -> bool:
    """Whether an invoice was made of this bill."""
    return any(note.startswith(_note(invoice)) for note in current.notes)


def is_same(fields: Fields, current: Current) -> bool:
    """Whether an invoice says what `fields` do: its note has a digest of them."""
    return any(note == text for name, text in fields if name == "invoice_note" for note in current.notes)


def check_site(site: str) -> str:
    """The site's name, which becomes part of a host's."""
    if not site or not site.replace("-", "").isalnum() or not site.isascii():
        raise ConnectorError(Fault.CREDENTIALS_REFUSED, "credentials.site must be the site's name, such as acme-test")
    return site


def current_of(found: Mapping[str, Any]) -> Current:
    """An invoice of an answer."""
    settled = sum(
        int(found.get(name) or 0) for name in ("amount_paid", "amount_adjusted", "credits_applied", "write_off_amount")
    )
    return Current(found["id"], found["status"], settled, [note["note"] for note in found.get("notes") or ()])


def refusal(answer: Answer, document: Mapping[str, Any]) -> ConnectorError:
    """What an answer other than 2xx means."""
    code, param = document.get("api_error_code") or "", document.get("param") or ""
    fault = _FAULTS.get(code)
    if code == "resource_not_found" and param == "customer_id":
        fault = Fault.ACCOUNT_NOT_MAPPED
    return refused(answer, " ".join(text for text in (code, param, document.get("message") or "") if text), fault)


def _note(invoice: Invoice) -> str:
    return f"Bill {mark(invoice)}/"


def _charges(charged: Sequence[tuple[InvoiceLine, int]], known: ExternalIds) -> Fields:
    fields: Fields = []
    places = {"charges": 0, "item_prices": 0}
    for line, amount in charged:
        price = known.of("Product", line.product.id, "ItemPrice") if line.product else None
        kind = "item_prices" if price else "charges"
        at = places[kind]
        places[kind] += 1
        if price:
            fields.append((f"item_prices[item_price_id][{at}]", price))
            fields.append((f"item_prices[quantity][{at}]", "1"))
            fields.append((f"item_prices[unit_price][{at}]", str(amount)))
        else:
            fields.append((f"charges[amount][{at}]", str(amount)))
            fields.append((f"charges[description][{at}]", described(line, DESCRIPTION_MAX_CHARS)))
        if line.service_start and line.service_end:
            fields.append((f"{kind}[date_from][{at}]", str(int(line.service_start.timestamp()))))
            fields.append((f"{kind}[date_to][{at}]", str(int(line.service_end.timestamp()))))
    return fields


def _seconds(day: date) -> int:
    return int(datetime.combine(day, _NOON).timestamp())
