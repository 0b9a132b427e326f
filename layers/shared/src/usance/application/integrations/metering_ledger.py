"""What was metered of which bill in AWS Marketplace, so that nothing is metered twice and no record hides another.

AWS keeps one record per customer, product, dimension and hour: a second one of the same quantity is taken for a repetition,
and one of another quantity is refused. So an hour is claimed before it is used, together with the row of the bill that says
what was, or may have been, sent for it. Both are written in one transaction, before anything is sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from usance.application.ports.entities import Delete, EntityRepository, Put
from usance.domain.integrations.aws_marketplace import Dimension
from usance.domain.kernel.ids import derived_id
from usance.resources import instants
from usance.resources.wire import Document

BILL_TYPE: Final = "meteredBill"
HOUR_TYPE: Final = "meteringHour"


@dataclass(frozen=True, slots=True)
class MeteringRecord:
    """A quantity of a dimension, in one hour, that a customer is charged for.

    `listing` is what AWS tells records apart by beside customer, dimension and hour: the product's code, or the ARN of the
    customer's licence. `record_id` is AWS's own, once it has taken the record; until then it may or may not have.
    """

    customer: str
    listing: str
    dimension: Dimension
    hour: datetime
    quantity: int
    record_id: str | None = None

    @property
    def licensed(self) -> bool:
        """Whether it is metered by licence."""
        return self.listing.startswith("arn:")

    @property
    def hour_id(self) -> str:
        """What is claimed for it."""
        return derived_id("metering", self.customer, self.listing, self.dimension.key, instants.to_text(self.hour))


@dataclass(frozen=True, slots=True)
class MeteredBill:
    """What was sent of a bill. `version` is 0 while nothing was."""

    org_id: str
    bill_id: str
    version: int
    records: Sequence[MeteringRecord]


class MeteringLedger:
    """The rows of metered bills and of hours that are taken."""

    def __init__(self, entities: EntityRepository) -> None:
        self._entities = entities

    def of_bill(self, org_id: str, bill_id: str) -> MeteredBill:
        """What was sent of a bill, or may have been."""
        row = self._entities.get(org_id, BILL_TYPE, bill_id)
        if row is None:
            return MeteredBill(org_id, bill_id, 0, ())
        return MeteredBill(org_id, bill_id, row["version"], tuple(_record(each) for each in row["records"]))

    def free_hour(self, org_id: str, record: MeteringRecord, hours: Sequence[datetime]) -> MeteringRecord | None:
        """`record` in the first of `hours` that nothing else has; None when all are taken."""
        candidates = [replace(record, hour=hour) for hour in hours]
        taken = {
            row["id"]
            for row in self._entities.get_many(org_id, HOUR_TYPE, [candidate.hour_id for candidate in candidates])
        }
        return next((candidate for candidate in candidates if candidate.hour_id not in taken), None)

    def claim(self, bill: MeteredBill, records: Sequence[MeteringRecord]) -> MeteredBill:
        """Take the records' hours, and note that they are about to be sent.

        `VersionConflictError` when another has an hour now, or the bill.
        """
        hours = [Put(HOUR_TYPE, {"id": each.hour_id, "version": 1, "billId": bill.bill_id}) for each in records]
        return self._write(bill, [*bill.records, *records], hours)

    def accepted(self, bill: MeteredBill, taken: Mapping[MeteringRecord, str]) -> MeteredBill:
        """Note the ids that AWS gave to the records that it took."""
        return self._write(
            bill, [replace(each, record_id=taken.get(each, each.record_id)) for each in bill.records], ()
        )

    def refused(self, bill: MeteredBill, records: Sequence[MeteringRecord], *, hours_free: bool) -> MeteredBill:
        """Forget records that AWS certainly did not take, and give back their hours unless others have those at AWS."""
        freed = [Delete(HOUR_TYPE, each.hour_id) for each in records] if hours_free else []
        return self._write(bill, [each for each in bill.records if each not in records], freed)

    def _write(
        self, bill: MeteredBill, records: Sequence[MeteringRecord], others: Sequence[Put | Delete]
    ) -> MeteredBill:
        after = replace(bill, version=bill.version + 1, records=tuple(records))
        document = {
            "id": bill.bill_id,
            "version": after.version,
            "records": [_document(each) for each in records],
        }
        self._entities.commit(bill.org_id, [Put(BILL_TYPE, document, bill.version or None), *others])
        return after


def _document(record: MeteringRecord) -> Document:
    return {
        "customer": record.customer,
        "listing": record.listing,
        "dimension": str(record.dimension),
        "hour": instants.to_text(record.hour),
        "quantity": record.quantity,
        "recordId": record.record_id,
    }


def _record(document: Mapping[str, Any]) -> MeteringRecord:
    return MeteringRecord(
        customer=document["customer"],
        listing=document["listing"],
        dimension=Dimension.parse(document["dimension"]),
        hour=instants.from_text(document["hour"]),
        quantity=document["quantity"],
        record_id=document["recordId"],
    )
