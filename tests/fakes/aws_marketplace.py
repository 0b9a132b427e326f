"""The metering service of AWS Marketplace in memory: what it documents of BatchMeterUsage, as far as the connector uses it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from botocore.exceptions import ClientError

from tests.fakes.clock import FrozenClock
from usance.application.ports.connectors import Connection

AGE_MAX = timedelta(hours=6)
RECORDS_MAX = 25

_Key = tuple[str, str, str, datetime]


@dataclass
class FakeMeteringService:
    """One record per customer, listing, dimension and hour; equal ones are repetitions, others are refused.

    `faults` are raised in turn before anything is taken, `lost` after it was. `unprocessed` of the records of the next call are
    left out. Customers in `unsubscribed` are refused.
    """

    clock: FrozenClock = field(default_factory=FrozenClock)
    taken: dict[_Key, tuple[int, str]] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    lost: list[Exception] = field(default_factory=list)
    unprocessed: int = 0
    unsubscribed: Sequence[str] = ()
    _ids: Any = field(default_factory=lambda: count(1))

    def client(self, service: str, connection: Connection, region: str | None) -> "FakeMeteringService":
        """As `client_for` makes one."""
        assert service == "meteringmarketplace"
        return self

    def batch_meter_usage(self, **request: Any) -> dict[str, Any]:
        self.calls.append(request)
        if self.faults:
            raise self.faults.pop(0)
        records = request["UsageRecords"]
        assert len(records) <= RECORDS_MAX
        if any(self.clock.now() - record["Timestamp"] >= AGE_MAX for record in records):
            raise client_error("TimestampOutOfBoundsException", 400)
        left = records[len(records) - self.unprocessed :]
        results = [self._take(record, request.get("ProductCode")) for record in records[: len(records) - len(left)]]
        self.unprocessed = 0
        if self.lost:
            raise self.lost.pop(0)
        return {"Results": results, "UnprocessedRecords": left}

    def total(self) -> int:
        """All cents that were taken."""
        return sum(quantity for quantity, _ in self.taken.values())

    def _take(self, record: dict[str, Any], product_code: str | None) -> dict[str, Any]:
        customer = record.get("CustomerAWSAccountId") or record["CustomerIdentifier"]
        if customer in self.unsubscribed:
            return {"UsageRecord": record, "Status": "CustomerNotSubscribed"}
        hour = record["Timestamp"].replace(minute=0, second=0, microsecond=0)
        key = (customer, record.get("LicenseArn") or product_code or "", record["Dimension"], hour)
        quantity, id_ = self.taken.setdefault(key, (record["Quantity"], f"metering-{next(self._ids)}"))
        if quantity != record["Quantity"]:
            return {"UsageRecord": record, "Status": "DuplicateRecord"}
        return {"UsageRecord": record, "Status": "Success", "MeteringRecordId": id_}


def client_error(code: str, status: int) -> ClientError:
    """A refusal of AWS."""
    error = {"Error": {"Code": code, "Message": "said so"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(error, "BatchMeterUsage")  # type: ignore[arg-type, unused-ignore]
