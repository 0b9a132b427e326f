"""AWS Marketplace: bills as metering records, by BatchMeterUsage (docs/integrations.md).

Nothing that AWS may have taken is sent again for another hour: what is about to be sent is in the `MeteringLedger` first.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from usance.adapters.connectors.aws_roles import Clients, call_faults, client_for
from usance.application.integrations.metering_ledger import MeteredBill, MeteringLedger, MeteringRecord
from usance.application.ports.clock import Clock
from usance.application.ports.connectors import BillJob, Connection, Sent
from usance.domain.integrations.aws_marketplace import (
    CUSTOMER_TABLE,
    LICENSE_TABLE,
    RECORDS_MAX,
    amounts_of,
    cents,
    hours,
    may_still_be_sent,
    still_to_meter,
)
from usance.domain.integrations.faults import ConnectorError
from usance.domain.kernel.errors import VersionConflictError
from usance.domain.notifications.delivery import Fault

SERVICE: Final = "meteringmarketplace"
SUCCESS: Final = "Success"
DUPLICATE: Final = "DuplicateRecord"
NOT_SUBSCRIBED: Final = "CustomerNotSubscribed"
_ACCOUNT_ID: Final = re.compile(r"\d{12}")
_HOUR: Final = timedelta(hours=1)
# Refusals of a whole call: nothing of it was taken.
_NOTHING_TAKEN: Final = frozenset({Fault.CREDENTIALS_REFUSED, Fault.PAYLOAD_REFUSED, Fault.RATE_LIMITED})


class AwsMarketplace:
    """`BillConnector` for bills once they are approved: AWS takes nothing back."""

    def __init__(self, clock: Clock, ledger: MeteringLedger, clients: Clients = client_for) -> None:
        self._clock = clock
        self._ledger = ledger
        self._clients = clients

    def send(self, job: BillJob) -> Sent | None:
        """Meter what was not metered of the bill before; None for one that may still change or comes to no cent."""
        if not job.invoice.approved:
            return None
        customer, licence = _customer(job)
        amounts = amounts_of(job.invoice, job.known, job.connection.options.get("defaultDimension"))
        bill = self._ledger.of_bill(job.connection.org_id, job.invoice.bill_id)
        left = still_to_meter(cents(amounts), [(record.dimension, record.quantity) for record in bill.records])
        now = self._clock.now()

        bill = self._repeat(job.connection, bill, now)
        wanted = [
            MeteringRecord(customer, licence or dimension.product_code, dimension, now, quantity)
            for dimension, quantity in left.items()
        ]
        for batch in _batches(wanted):
            bill = self._claim(bill, batch, now)
            bill = self._meter(job.connection, bill, certain=True)
        first = next((record.record_id for record in bill.records if record.record_id), None)
        return Sent(first) if first else None

    def void(self, job: BillJob) -> None:
        """Refuse: AWS takes nothing back. Nothing happens for a bill of which nothing was metered."""
        if self._ledger.of_bill(job.connection.org_id, job.invoice.bill_id).records:
            raise ConnectorError(Fault.REFUSED, "AWS Marketplace takes no metering back; refund the customer there")

    def _repeat(self, connection: Connection, bill: MeteredBill, now: datetime) -> MeteredBill:
        """Send again, as they were, the records of which an earlier attempt did not learn whether AWS took them."""
        unknown = _unknown(bill)
        late = next((record for record in unknown if not may_still_be_sent(record.hour, now)), None)
        if late:
            raise ConnectorError(
                Fault.REFUSED,
                f"whether AWS took {late.quantity} cents of {late.dimension} for {late.hour:%Y-%m-%d %H:00} UTC is not "
                "known, and it is too late to ask again; look into the reports of AWS Marketplace",
            )
        return self._meter(connection, bill, certain=False) if unknown else bill

    def _claim(self, bill: MeteredBill, wanted: Sequence[MeteringRecord], now: datetime) -> MeteredBill:
        """The wanted records, each in an hour that nothing else has, noted before they are sent."""
        claimed = [self._ledger.free_hour(bill.org_id, record, hours(now)) for record in wanted]
        records = [record for record in claimed if record is not None]
        if len(records) < len(wanted):
            wait = hours(now)[0] + _HOUR - now
            raise ConnectorError(Fault.RATE_LIMITED, "every hour that AWS takes now has records of other bills", wait)
        try:
            return self._ledger.claim(bill, records)
        except VersionConflictError as taken:
            raise ConnectorError(Fault.PASSING, "another bill is being metered for the same customer") from taken

    def _meter(self, connection: Connection, bill: MeteredBill, *, certain: bool) -> MeteredBill:
        """Send what AWS is not known to have taken. When `certain`, it was never sent before: a refusal undoes it."""
        for batch in _batches(_unknown(bill)):
            try:
                with call_faults():
                    client = self._clients(SERVICE, connection, connection.options.get("region"))
                    answer = client.batch_meter_usage(**_request(batch))
            except ConnectorError as fault:
                if certain and fault.fault in _NOTHING_TAKEN:
                    self._ledger.refused(bill, batch, hours_free=True)
                raise
            bill = self._record(bill, batch, answer, certain=certain)
        return bill

    def _record(
        self, bill: MeteredBill, batch: Sequence[MeteringRecord], answer: Mapping[str, Any], *, certain: bool
    ) -> MeteredBill:
        """Note what AWS says of each record of a batch; a `ConnectorError` unless it took them all."""
        results = {_key(each["UsageRecord"]): each for each in answer.get("Results", ())}
        told = {record: results.get(_key(_usage_record(record)), {}) for record in batch}
        taken = {record: each["MeteringRecordId"] for record, each in told.items() if each.get("Status") == SUCCESS}
        bill = self._ledger.accepted(bill, taken) if taken else bill
        # An equal record would have been taken for a repetition: this hour has one of other origin.
        foreign = [record for record, each in told.items() if each.get("Status") == DUPLICATE]
        bill = self._ledger.refused(bill, foreign, hours_free=False) if foreign else bill
        others = [record for record in batch if record not in taken and record not in foreign]
        bill = self._ledger.refused(bill, others, hours_free=True) if others and certain else bill
        if any(each.get("Status") == NOT_SUBSCRIBED for each in told.values()):
            customer = batch[0].customer
            raise ConnectorError(Fault.PAYLOAD_REFUSED, f"the customer {customer} has no subscription to the product")
        if foreign or others:
            raise ConnectorError(Fault.PASSING, f"{len(foreign) + len(others)} metering records were not processed")
        return bill


def _customer(job: BillJob) -> tuple[str, str | None]:
    """The customer in AWS Marketplace, and the ARN of its licence where metering goes by licences."""
    account_id = job.invoice.account_id
    customer = job.known.of("Account", account_id, CUSTOMER_TABLE)
    licence = job.known.of("Account", account_id, LICENSE_TABLE)
    if customer is None:
        raise ConnectorError(
            Fault.ACCOUNT_NOT_MAPPED, f"map the account {account_id} to its customer in the table {CUSTOMER_TABLE}"
        )
    if licence and not _ACCOUNT_ID.fullmatch(customer):
        raise ConnectorError(
            Fault.PAYLOAD_REFUSED,
            f"with a licence, the account {account_id} must be mapped to a number of an AWS account",
        )
    return customer, licence


def _unknown(bill: MeteredBill) -> list[MeteringRecord]:
    return [record for record in bill.records if record.record_id is None]


def _batches(records: Sequence[MeteringRecord]) -> list[Sequence[MeteringRecord]]:
    """As many records of one listing as a call takes."""
    by_listing: dict[str, list[MeteringRecord]] = {}
    for record in records:
        by_listing.setdefault(record.listing, []).append(record)
    return [
        same[start : start + RECORDS_MAX] for same in by_listing.values() for start in range(0, len(same), RECORDS_MAX)
    ]


def _request(batch: Sequence[MeteringRecord]) -> Mapping[str, Any]:
    records = [_usage_record(record) for record in batch]
    product = {} if batch[0].licensed else {"ProductCode": batch[0].listing}
    return {"UsageRecords": records, **product}


def _usage_record(record: MeteringRecord) -> Mapping[str, Any]:
    by_number = "CustomerAWSAccountId" if _ACCOUNT_ID.fullmatch(record.customer) else "CustomerIdentifier"
    licence = {"LicenseArn": record.listing} if record.licensed else {}
    # Quantity, not QuantityAsDecimal: cents are whole, and every version of the SDK knows it.
    return {
        "Timestamp": record.hour,
        "Dimension": record.dimension.key,
        "Quantity": record.quantity,
        by_number: record.customer,
        **licence,
    }


def _key(usage_record: Mapping[str, Any]) -> tuple[str, float]:
    return usage_record["Dimension"], usage_record["Timestamp"].timestamp()
