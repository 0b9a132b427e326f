"""The external systems that there are connectors for. Each describes itself in its own file; this is the list."""

from collections.abc import Sequence
from typing import Final

from usance.domain.integrations import (
    aws_marketplace,
    chargebee,
    custom,
    netsuite,
    paddle,
    quickbooks,
    salesforce,
    stripe,
    xero,
)
from usance.domain.integrations.system import System

SYSTEMS: Final[Sequence[System]] = (
    stripe.SYSTEM,
    xero.SYSTEM,
    quickbooks.SYSTEM,
    chargebee.SYSTEM,
    paddle.SYSTEM,
    netsuite.SYSTEM,
    aws_marketplace.SYSTEM,
    salesforce.SYSTEM,
    custom.HTTPS,
    custom.EVENT_BRIDGE,
    custom.SQS,
)


def system_of(destination: str) -> System | None:
    """The system of a destination, in any spelling of case; None when there is no connector for it."""
    folded = destination.casefold()
    return next((one for one in SYSTEMS if folded in {name.casefold() for name in one.destinations}), None)
