"""Custom integrations: changes of entities, and bills, to an HTTPS endpoint or to EventBridge or SQS in the customer's account.

What is sent is the change itself, as a document, or what a mapping in JSONata makes of it (docs/integrations.md).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from usance.domain.integrations.invoice import Invoice, InvoiceLine
from usance.domain.integrations.system import BILL, Setting, System
from usance.domain.kernel.errors import InvalidInputError

CHANGES: Final = ("created", "updated", "deleted")
# Whatever makes events when it changes; a test holds it to the names of events.
ENTITIES: Final = (
    "Account",
    "AccountPlan",
    "Aggregation",
    "Alert",
    "Balance",
    "BalanceChargeSchedule",
    "BalanceTransaction",
    "BalanceTransactionSchedule",
    BILL,
    "BillConfig",
    "BillJob",
    "Charge",
    "Commitment",
    "CompoundAggregation",
    "Contract",
    "Counter",
    "CounterAdjustment",
    "CounterPricing",
    "CreditReason",
    "CustomField",
    "Meter",
    "MeterGroup",
    "Organization",
    "OrganizationConfig",
    "Plan",
    "PlanGroup",
    "PlanGroupLink",
    "PlanTemplate",
    "Pricing",
    "PricingBand",
    "Product",
    "StatementJob",
    "TransactionType",
)
_QUEUE: Final = re.compile(r"arn:aws[a-z-]*:sqs:([a-z0-9-]+):(\d{12}):([A-Za-z0-9_-]{1,75}(?:\.fifo)?)")
_BUS: Final = re.compile(r"arn:aws[a-z-]*:events:([a-z0-9-]+):\d{12}:event-bus/[A-Za-z0-9._/-]{1,256}")
_ROLE: Final = Setting("roleArn", "Role to assume in the account", required=True)
_COMMON: Final = (
    Setting("changes", "Only these changes: created, updated, deleted", kind="array"),
    Setting("mapping", "JSONata that makes what is sent"),
)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One change on its way. Attempts of it share `delivery_id`."""

    delivery_id: str
    entity_type: str
    entity_id: str
    change: str
    changed_at: datetime
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class QueueName:
    """What the ARN of a queue says."""

    region: str
    account: str
    name: str

    @property
    def keeps_order(self) -> bool:
        """Whether it is a FIFO queue."""
        return self.name.endswith(".fifo")


def change_of(
    delivery_id: str, org_id: str, entity_type: str, change: str, changed_at: str, **sides: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """The document of a change: `new` is the entity after it, `old` before it, as far as there are such."""
    return {
        "id": delivery_id,
        "orgId": org_id,
        "entityType": entity_type,
        "change": change,
        "changedAt": changed_at,
        **{side: value for side, value in sides.items() if value is not None},
    }


def bill_document(invoice: Invoice) -> Mapping[str, Any]:
    """A bill with its line items, by the API's names; only what it has."""
    document = {
        "id": invoice.bill_id,
        "version": invoice.revision,
        "status": "APPROVED" if invoice.approved else "PENDING",
        "accountId": invoice.account_id,
        "accountCode": invoice.account_code,
        "currency": invoice.currency,
        "billTotal": invoice.total,
        "billDate": invoice.bill_date.isoformat(),
        "dueDate": invoice.due_date.isoformat(),
        "externalInvoiceDate": invoice.invoice_date.isoformat(),
        "startDate": invoice.period_start.isoformat(),
        "endDate": invoice.period_end.isoformat(),
        "sequentialInvoiceNumber": invoice.number,
        "externalInvoiceReference": invoice.reference,
        "purchaseOrderNumber": invoice.purchase_order_number,
        "lineItems": [_line(line) for line in invoice.lines],
    }
    return {name: value for name, value in document.items() if value is not None}


def _line(line: InvoiceLine) -> Mapping[str, Any]:
    document = {
        "id": line.id,
        "lineItemType": line.kind,
        "description": line.description,
        "quantity": line.quantity,
        "unit": line.unit,
        "averageUnitPrice": line.unit_price,
        "convertedSubtotal": line.amount,
        "servicePeriodStartDate": _instant(line.service_start),
        "servicePeriodEndDate": _instant(line.service_end),
    }
    if line.product:
        document |= {"productId": line.product.id, "productCode": line.product.code, "productName": line.product.name}
    return {name: value for name, value in document.items() if value is not None}


def _instant(instant: datetime | None) -> str | None:
    """An instant as the API writes it."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z") if instant else None


def selects(options: Mapping[str, Any], change: str) -> bool:
    """Whether a kind of change is sent; without a selection, every kind is."""
    return change in (options.get("changes") or CHANGES)


def queue_of(options: Mapping[str, Any]) -> QueueName:
    """The queue of a configuration. `InvalidInputError` when there is none."""
    found = _QUEUE.fullmatch(str(options.get("queueArn", "")))
    if found is None:
        raise InvalidInputError("configData.queueArn must be such as arn:aws:sqs:eu-west-1:123456789012:changes")
    return QueueName(*found.groups())


def region_of_bus(options: Mapping[str, Any]) -> str:
    """The region of the bus of a configuration. `InvalidInputError` when there is none."""
    found = _BUS.fullmatch(str(options.get("eventBusArn", "")))
    if found is None:
        raise InvalidInputError(
            "configData.eventBusArn must be such as arn:aws:events:eu-west-1:123456789012:event-bus/billing"
        )
    return found[1]


def check_https(options: Mapping[str, Any]) -> None:
    """`InvalidInputError` for options that an endpoint cannot be called with. Its address is looked at elsewhere."""
    _check_changes(options)


def check_event_bridge(options: Mapping[str, Any]) -> None:
    """`InvalidInputError` for options that events cannot be put with."""
    region_of_bus(options)
    _check_changes(options)


def check_sqs(options: Mapping[str, Any]) -> None:
    """`InvalidInputError` for options that messages cannot be sent with."""
    queue_of(options)
    _check_changes(options)


def _check_changes(options: Mapping[str, Any]) -> None:
    if not all(change in CHANGES for change in options.get("changes") or ()):
        raise InvalidInputError(f"configData.changes must be a list of {', '.join(CHANGES)}")


HTTPS: Final = System(
    identifier="Custom",
    display_name="Custom (HTTPS)",
    destinations=("Custom",),
    entities=ENTITIES,
    category="Custom",
    credentials={
        "M3TER_SIGNED_REQUEST": (
            Setting("apiKey", "API key", required=True, in_header=True),
            Setting("secret", "Secret", required=True, secret=True),
        )
    },
    takes_unsigned=True,
    options=(Setting("url", "Address of the endpoint", required=True), *_COMMON),
    check=check_https,
)
EVENT_BRIDGE: Final = System(
    identifier="EventBridge",
    display_name="Amazon EventBridge",
    destinations=("EventBridge",),
    entities=ENTITIES,
    category="Custom",
    credentials={"AWS_INTEGRATION": (_ROLE,)},
    options=(Setting("eventBusArn", "ARN of the event bus", required=True), *_COMMON),
    check=check_event_bridge,
)
SQS: Final = System(
    identifier="SQS",
    display_name="Amazon SQS",
    destinations=("SQS",),
    entities=ENTITIES,
    category="Custom",
    credentials={"AWS_INTEGRATION": (_ROLE,)},
    options=(Setting("queueArn", "ARN of the queue", required=True), *_COMMON),
    check=check_sqs,
)
