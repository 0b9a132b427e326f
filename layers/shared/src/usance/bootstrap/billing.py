"""The stores that billing needs: those of the API and the schedules, and those of the worker."""

from functools import cache

from usance.adapters.aws import client
from usance.adapters.dynamodb.bill_progress import DynamoBillJobProgress
from usance.adapters.dynamodb.transactions import pause
from usance.application.billing.stores import BillingStores, Workbench
from usance.bootstrap import stores
from usance.resources import wire
from usance.resources.wire import Document
from usance.settings import Settings


@cache
def billing_stores() -> BillingStores:
    """For bills, jobs and schedules."""
    return BillingStores(
        entities=stores.entities(),
        bills=stores.bills(),
        progress=DynamoBillJobProgress(client("dynamodb"), Settings().entities_table),
        billing_queue=stores.billing_queue(),
        statement_queue=stores.statement_queue(),
        clock=stores.clock(),
        ids=stores.ids(),
        pause=pause,
    )


def replay(org_id: str, bill_id: str) -> Document:
    """See `replay_bill`; amounts as texts, since whoever invokes a function has a JSON of their own."""
    from usance.application.billing.records.replay import replay_bill

    found = replay_bill(stores.bills(), stores.blobs(), org_id, bill_id)
    return {**found, "differences": wire.dumps(found["differences"]).decode()}


@cache
def workbench() -> Workbench:
    """For calculating bills."""
    return Workbench(billing_stores(), stores.usage_reader(), stores.events(), stores.blobs(), Settings().api_url)
