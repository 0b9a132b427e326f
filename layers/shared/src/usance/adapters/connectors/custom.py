"""Custom integrations: one connector, and three ways that a change is carried (docs/integrations.md)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from usance.adapters.connectors.aws_roles import THROTTLED, Clients, call_faults, client_for
from usance.application.ports.clock import Clock
from usance.application.ports.connectors import BillJob, Connection, EntityJob, HttpClient, Sent
from usance.application.ports.mappings import FieldMappings
from usance.domain.integrations.answers import DETAIL_MAX_CHARS, fault_of, refused
from usance.domain.integrations.checks import credential
from usance.domain.integrations.custom import Parcel, bill_document, change_of, queue_of, region_of_bus, selects
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.system import BILL
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.ids import derived_id
from usance.domain.notifications.delivery import Fault
from usance.domain.notifications.signature import signatures
from usance.resources import instants, wire

SOURCE: Final = "usance"  # of events on a bus
# Of refusals, the receiver's own proxies and deployments make some that pass: as with webhooks, they are tried again.
_TRIED_AGAIN: Final = frozenset({Fault.PAYLOAD_REFUSED, Fault.REFUSED})
_PASSING_ENTRIES: Final = THROTTLED | {"InternalException", "InternalFailure"}

Carry = Callable[[Connection, Parcel, Any], None]
"""Brings what a mapping made of a parcel to a connection's destination."""


class CustomConnector:
    """`BillConnector` and `EntityConnector` of custom integrations."""

    def __init__(self, mappings: FieldMappings, clock: Clock, carry: Carry) -> None:
        self._mappings = mappings
        self._clock = clock
        self._carry = carry

    def deliver(self, job: EntityJob) -> Sent | None:
        """Send the change, if its kind is selected. There is no reference."""
        old = job.entity if job.kind == "deleted" else job.old
        new = None if job.kind == "deleted" else job.entity
        changed_at = instants.from_text(job.changed_at)
        self._send(
            job.connection,
            job.idempotency_key,
            job.entity_type,
            job.entity["id"],
            job.kind,
            changed_at,
            new=new,
            old=old,
        )
        return None

    def send(self, job: BillJob) -> Sent:
        """Send the bill with its line items: `created` the first time, then `updated`."""
        change = "created" if job.external_id is None else "updated"
        self._bill(job, change, new=bill_document(job.invoice))
        return Sent(job.invoice.bill_id)

    def void(self, job: BillJob) -> None:
        """Tell that the bill was deleted."""
        self._bill(job, "deleted", old=bill_document(job.invoice))

    def _bill(self, job: BillJob, change: str, **sides: Mapping[str, Any]) -> None:
        invoice = job.invoice
        delivery_id = derived_id(job.idempotency_key, str(invoice.revision), "deleted" if change == "deleted" else "")
        self._send(job.connection, delivery_id, BILL, invoice.bill_id, change, self._clock.now(), **sides)

    def _send(
        self,
        connection: Connection,
        delivery_id: str,
        entity_type: str,
        entity_id: str,
        change: str,
        changed_at: datetime,
        **sides: Mapping[str, Any] | None,
    ) -> None:
        if not selects(connection.options, change):
            return
        at = instants.to_text(changed_at)
        document = change_of(delivery_id, connection.org_id, entity_type, change, at, **sides)
        try:
            mapping = connection.options.get("mapping")
            made = self._mappings.apply(mapping, dict(document)) if mapping else document
            if made is not None:
                parcel = Parcel(delivery_id, entity_type, entity_id, change, changed_at, document)
                self._carry(connection, parcel, made)
        except InvalidInputError as wrong:
            raise ConnectorError(Fault.PAYLOAD_REFUSED, wrong.message[:DETAIL_MAX_CHARS]) from wrong


def over_https(http: HttpClient, clock: Clock, header_prefix: str) -> Carry:
    """A POST to `url`, signed as webhooks are."""

    def carry(connection: Connection, parcel: Parcel, made: Any) -> None:
        body, timestamp = wire.dumps(made), str(int(clock.now().timestamp()))
        headers = {"Timestamp": timestamp, "Delivery-Id": parcel.delivery_id}
        if connection.credentials:
            headers["Api-Key"] = credential(connection.credentials, "apiKey")
            headers["Signature"] = signatures([credential(connection.credentials, "secret")], timestamp, body)
        named = {f"{header_prefix}{name}": value for name, value in headers.items()}
        url = str(connection.options.get("url", ""))
        answer = http.request("POST", url, {"Content-Type": "application/json", **named}, body)
        if not answer.succeeded:
            fault = fault_of(answer.status)
            raise refused(answer, "", Fault.PASSING if fault in _TRIED_AGAIN else fault)

    return carry


def by_event_bridge(clients: Clients = client_for) -> Carry:
    """PutEvents on the bus `eventBusArn`. The delivery id is the event's resource, since a mapping may leave it out."""

    def carry(connection: Connection, parcel: Parcel, made: Any) -> None:
        region = region_of_bus(connection.options)
        _require_role(connection)
        if not isinstance(made, dict):
            raise InvalidInputError("configData.mapping: the detail of an event must be an object")
        entry = {
            "EventBusName": connection.options["eventBusArn"],
            "Source": SOURCE,
            "DetailType": f"{parcel.entity_type} {parcel.change}",
            "Detail": wire.dumps(made).decode(),
            "Resources": [parcel.delivery_id],
            "Time": parcel.changed_at,
        }
        with call_faults():
            answer = clients("events", connection, region).put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            failed = answer["Entries"][0]
            fault = Fault.PASSING if failed["ErrorCode"] in _PASSING_ENTRIES else Fault.PAYLOAD_REFUSED
            text = f"{failed['ErrorCode']}: {failed.get('ErrorMessage', '')}"
            raise ConnectorError(fault, text[:DETAIL_MAX_CHARS])

    return carry


def by_sqs(clients: Clients = client_for) -> Carry:
    """SendMessage to the queue `queueArn`; in a FIFO queue each entity is a group of its own, and repetitions are one message."""

    def carry(connection: Connection, parcel: Parcel, made: Any) -> None:
        queue = queue_of(connection.options)
        _require_role(connection)
        told = {"deliveryId": parcel.delivery_id, "entityType": parcel.entity_type, "change": parcel.change}
        request: dict[str, Any] = {
            "MessageBody": wire.dumps(made).decode(),
            "MessageAttributes": {name: {"DataType": "String", "StringValue": value} for name, value in told.items()},
        }
        if queue.keeps_order:
            request |= {"MessageGroupId": parcel.entity_id, "MessageDeduplicationId": parcel.delivery_id}
        client = clients("sqs", connection, queue.region)
        url = f"{client.meta.endpoint_url}/{queue.account}/{queue.name}"
        with call_faults():
            client.send_message(QueueUrl=url, **request)

    return carry


def _require_role(connection: Connection) -> None:
    """The deployment's own role is never used for what a customer addresses: it reaches the deployment's own queues."""
    if not connection.credentials.get("roleArn"):
        raise ConnectorError(Fault.CREDENTIALS_REFUSED, "credentials.roleArn is required: a role in the account")
