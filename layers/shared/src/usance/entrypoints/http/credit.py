"""Transactions of balances, and previews of their schedules."""

from collections.abc import Callable
from typing import Final

from usance.application.credit.create_transaction import create_transaction
from usance.application.credit.preview_schedule import preview_schedule
from usance.application.credit.summarize_transactions import summarize_transactions
from usance.application.entities.ports import EntityPorts
from usance.entrypoints.http.routes import Operation, QueryParameter, Request, Route, paging
from usance.resources.answers import BalanceSummary
from usance.resources.balance_schedules import BALANCE_CHARGE_SCHEDULE, BALANCE_TRANSACTION_SCHEDULE
from usance.resources.balance_transaction import BALANCE_TRANSACTION
from usance.resources.resource import Resource
from usance.resources.wire import Document

ORGANIZATION: Final = "/organizations/{orgId}"
PAGE_MAX: Final = 200


def routes(ports: Callable[[], EntityPorts]) -> tuple[Route, ...]:
    """The routes of this module."""

    def create(request: Request) -> Document:
        return create_transaction(ports(), request.caller, request.path["balanceId"], request.json_object())

    def summarize(request: Request) -> Document:
        return summarize_transactions(ports(), request.caller, request.path["balanceId"])

    collection = f"{ORGANIZATION}/{BALANCE_TRANSACTION.path}"
    return (
        Route(
            "POST",
            collection,
            create,
            Operation(
                "balanceTransaction.create",
                "Put a transaction on a balance",
                BALANCE_TRANSACTION.title,
                body=BALANCE_TRANSACTION.model,
                resource=BALANCE_TRANSACTION,
            ),
        ),
        Route(
            "GET",
            f"{collection}/summary",
            summarize,
            Operation(
                "balanceTransaction.summary", "Sum up a balance", BALANCE_TRANSACTION.title, returns=BalanceSummary
            ),
        ),
        *(_preview(resource, ports) for resource in (BALANCE_CHARGE_SCHEDULE, BALANCE_TRANSACTION_SCHEDULE)),
    )


def _preview(resource: Resource, ports: Callable[[], EntityPorts]) -> Route:
    def preview(request: Request) -> Document:
        size, token = paging(request, largest=PAGE_MAX)
        balance_id = request.path["balanceId"]
        return preview_schedule(ports(), request.caller, resource, balance_id, request.json_object(), size, token)

    return Route(
        "POST",
        f"{ORGANIZATION}/{resource.path}/preview",
        preview,
        Operation(
            f"{resource.type}.preview",
            f"Preview: {resource.title.lower()}",
            resource.title,
            body=resource.model,
            query=(
                QueryParameter(
                    "pageSize",
                    "How many of what it would make to answer; 100 when left out.",
                    {"type": "integer", "minimum": 1, "maximum": PAGE_MAX},
                ),
                QueryParameter("nextToken", "The token of the page before; leave it out for the first page."),
            ),
            resource=resource,
        ),
    )
