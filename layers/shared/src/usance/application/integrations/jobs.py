"""What a connector is to do for a run, gathered from how things are now."""

from dataclasses import dataclass
from typing import Final

from usance.application.integrations.memory import StoredMemory
from usance.application.notifications.stores import Stores
from usance.application.ports.bills import BillRepository
from usance.application.ports.connectors import BillJob, Connection, EntityJob
from usance.application.stored_lines import VERSION, read_stored_lines
from usance.domain.integrations.invoice import Invoice, invoice_of, life_of
from usance.domain.integrations.system import BILL
from usance.domain.kernel.errors import UnavailableError
from usance.domain.kernel.ids import derived_id
from usance.domain.notifications.changes import ChangeKind, representation
from usance.resources import instants
from usance.resources.wire import Document

ACCOUNT: Final = "Account"
PRODUCT: Final = "Product"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A bill's job, with its header. `gone`: the bill is not there any more, and what was made of it is to be void."""

    bill: BillJob
    header: Document
    gone: bool


def bill_job(
    stores: Stores, bills: BillRepository, memory: StoredMemory, connection: Connection, run: Document
) -> Wanted | None:
    """The job of a bill; None where the bill is gone and nobody knows what it was, which its deletion has a run for."""
    org_id, bill_id, life = connection.org_id, run["entityId"], run["delivery"]["life"]
    again = UnavailableError(f"the bill {bill_id} keeps changing; repeat")
    stored = read_stored_lines(bills, org_id, bill_id, same=VERSION, otherwise=again)
    gone = stored is None or life_of(stored.bill.header) != life
    if stored is not None and not gone:
        header, invoice = stored.bill.header, invoice_of(stored.bill.header, stored.line_items)
    else:
        told = _told(stores, org_id, run)
        if told is None:
            return None
        header, invoice = told, invoice_of(told)
    wanted = [(ACCOUNT, invoice.account_id), (BILL, bill_id)]
    wanted += [(PRODUCT, line.product.id) for line in invoice.lines if line.product]
    known = memory.known(connection, wanted)
    job = BillJob(
        connection=connection,
        invoice=invoice,
        account=stores.entities.get(org_id, "account", invoice.account_id) or {"id": invoice.account_id},
        known=known,
        external_id=memory.invoice(connection, bill_id, life) or known.of(BILL, bill_id),
        idempotency_key=_key(connection, invoice),
    )
    return Wanted(job, header, gone)


def entity_job(stores: Stores, memory: StoredMemory, connection: Connection, run: Document) -> EntityJob | None:
    """The job of an entity; None where it, or the event that tells of it, is gone."""
    org_id, id_, type_ = connection.org_id, run["entityId"], run["delivery"]["type"]
    event_id = run["delivery"].get("eventId")
    if event_id is None:
        now = stores.entities.get(org_id, type_, id_)
        if now is None:
            return None
        kind, entity, old = ChangeKind.UPDATED, representation(org_id, now), None
        changed_at, cause = str(now.get("dtLastModified") or run["dtCreated"]), run["id"]
    else:
        event = stores.events.get(org_id, event_id)
        if event is None:
            return None
        data = event.detail["eventData"]
        kind, old = ChangeKind(event.name.rpartition(".")[2]), data.get("oldDto")
        entity = data.get("newDto") or old
        changed_at, cause = instants.to_text(event.time), event_id
    known = memory.known(connection, [(run["entityType"], id_), *_account_of(run)])
    return EntityJob(
        connection=connection,
        entity_type=run["entityType"],
        kind=kind.value,
        entity=entity,
        old=old if kind is ChangeKind.UPDATED else None,
        known=known,
        external_id=known.of(run["entityType"], id_, memory.system.table_of(run["entityType"])),
        idempotency_key=derived_id("entity sent", connection.configuration_id, id_, cause),
        changed_at=changed_at,
    )


def _account_of(run: Document) -> list[tuple[str, str]]:
    account_id = run["delivery"].get("accountId")
    return [(ACCOUNT, account_id)] if account_id else []


def _told(stores: Stores, org_id: str, run: Document) -> Document | None:
    """The bill as the event of the run tells it."""
    event_id = run["delivery"].get("eventId")
    event = stores.events.get(org_id, event_id) if event_id else None
    data = event.detail["eventData"] if event else {}
    return data.get("newDto") or data.get("oldDto")


def _key(connection: Connection, invoice: Invoice) -> str:
    return derived_id("bill sent", connection.org_id, connection.configuration_id, invoice.bill_id, invoice.life)
