"""What a connector cannot do without, and the refusal that says what to set."""

from collections.abc import Mapping
from typing import Any

from usance.domain.integrations.external_ids import ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice
from usance.domain.kernel.quantity import ZERO
from usance.domain.notifications.delivery import Fault


def credential(credentials: Mapping[str, str], name: str) -> str:
    """A property of the credentials that is there."""
    value = credentials.get(name)
    if not value:
        raise ConnectorError(Fault.CREDENTIALS_REFUSED, f"credentials.{name} is missing; send the credentials again")
    return value


def text_option(options: Mapping[str, Any], name: str, default: str | None = None) -> str | None:
    """A text of `configData`; `default` where it is absent, null or empty."""
    value = options.get(name)
    if value is None or value == "":
        return default
    if not isinstance(value, str):
        raise ConnectorError(Fault.PAYLOAD_REFUSED, f"configData.{name} must be a text")
    return value


def choice_option(options: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    """One of `choices`, the first of them where it is absent."""
    value = text_option(options, name, choices[0])
    if value not in choices:
        raise ConnectorError(Fault.PAYLOAD_REFUSED, f"configData.{name} must be one of {', '.join(choices)}")
    return value


def flag_option(options: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """A boolean of `configData`."""
    value = options.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise ConnectorError(Fault.PAYLOAD_REFUSED, f"configData.{name} must be true or false")
    return value


def account_of(invoice: Invoice, known: ExternalIds, system: str, table: str) -> str:
    """The external id of the bill's account."""
    found = known.of("Account", invoice.account_id, table)
    if not found:
        raise ConnectorError(
            Fault.ACCOUNT_NOT_MAPPED,
            f"map account {invoice.account_id} to its {table} in {system}, with an external mapping",
        )
    return found


def check_billable(invoice: Invoice, system: str) -> None:
    """Refuse what no invoice can be made of: no lines, or a total below 0."""
    if not invoice.lines:
        raise ConnectorError(Fault.PAYLOAD_REFUSED, f"bill {invoice.bill_id} has no line items")
    if invoice.total < ZERO:
        raise ConnectorError(
            Fault.PAYLOAD_REFUSED,
            f"the total of bill {invoice.bill_id} is {invoice.total} {invoice.currency}, and {system} takes no invoice "
            "below 0; make a credit note there instead",
        )
