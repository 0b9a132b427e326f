"""What brings bills and entities to external systems."""

from functools import cache
from typing import Final

from usance.application.integrations.connector_courier import ConnectorCourier
from usance.application.notifications.deliver_run import Deliverer
from usance.application.ports.connectors import Connector, ConnectorFactory, Outside
from usance.bootstrap import stores
from usance.bootstrap.notifications import notice, notification_stores, sent_bills
from usance.settings import Settings


def _stripe(outside: Outside) -> Connector:
    from usance.adapters.connectors.stripe import StripeConnector

    return StripeConnector(outside)


def _xero(outside: Outside) -> Connector:
    from usance.adapters.connectors.xero import XeroConnector

    return XeroConnector(outside)


def _quickbooks(outside: Outside) -> Connector:
    from usance.adapters.connectors.quickbooks import QuickBooksConnector

    return QuickBooksConnector(outside)


def _chargebee(outside: Outside) -> Connector:
    from usance.adapters.connectors.chargebee import ChargebeeConnector

    return ChargebeeConnector(outside)


def _paddle(outside: Outside) -> Connector:
    from usance.adapters.connectors.paddle import PaddleConnector

    return PaddleConnector(outside)


def _netsuite(outside: Outside) -> Connector:
    from usance.adapters.connectors.netsuite import NetSuiteConnector

    return NetSuiteConnector(outside)


def _aws_marketplace(outside: Outside) -> Connector:
    from usance.adapters.connectors.aws_marketplace import AwsMarketplace
    from usance.application.integrations.metering_ledger import MeteringLedger

    return AwsMarketplace(outside.clock, MeteringLedger(stores.entities()))


def _salesforce(outside: Outside) -> Connector:
    from usance.adapters.connectors.salesforce import SalesforceConnector
    from usance.adapters.jsonata.mappings import JsonataMappings

    return SalesforceConnector(outside, JsonataMappings())


def _custom(outside: Outside) -> Connector:
    from usance.adapters.connectors.custom import CustomConnector, over_https
    from usance.adapters.jsonata.mappings import JsonataMappings

    carry = over_https(outside.http, outside.clock, Settings().webhook_header_prefix)
    return CustomConnector(JsonataMappings(), outside.clock, carry)


def _event_bridge(outside: Outside) -> Connector:
    from usance.adapters.connectors.custom import CustomConnector, by_event_bridge
    from usance.adapters.jsonata.mappings import JsonataMappings

    return CustomConnector(JsonataMappings(), outside.clock, by_event_bridge())


def _sqs(outside: Outside) -> Connector:
    from usance.adapters.connectors.custom import CustomConnector, by_sqs
    from usance.adapters.jsonata.mappings import JsonataMappings

    return CustomConnector(JsonataMappings(), outside.clock, by_sqs())


CONNECTORS: Final[dict[str, ConnectorFactory]] = {
    "stripe": _stripe,
    "stripe_test": _stripe,
    "xero": _xero,
    "quickbooks": _quickbooks,
    "quickbooks_sandbox": _quickbooks,
    "chargebee": _chargebee,
    "paddle": _paddle,
    "paddle_sandbox": _paddle,
    "netsuite": _netsuite,
    "aws": _aws_marketplace,
    "awsmarketplace": _aws_marketplace,
    "salesforce": _salesforce,
    "custom": _custom,
    "eventbridge": _event_bridge,
    "sqs": _sqs,
}
"""By destination in lower case; each system of `domain/integrations/systems.py` has its destinations here."""


@cache
def deliverer() -> Deliverer:
    """The deliverer of this deployment."""
    from usance.adapters.http_client import GuardedHttpClient

    there = notification_stores()
    courier = ConnectorCourier(
        stores=there,
        bills=sent_bills(),
        secrets=stores.secrets(),
        http=GuardedHttpClient(Settings().webhook_allowed_hosts),
        connectors=CONNECTORS,
    )
    return Deliverer(there, courier, stores.delivery_dead_letter_queue(), notice())
