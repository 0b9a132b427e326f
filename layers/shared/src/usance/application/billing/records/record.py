"""The record of a calculation: everything a bill follows from, enough to make it again with nothing else at hand."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

from usance.application.billing.credits.ledger import Drawn
from usance.application.billing.documents import header_of, line_items_of
from usance.application.billing.records.codec import decode, encode
from usance.application.ports.blobs import BlobStore
from usance.domain.billing import pipeline
from usance.domain.billing.draft import BillDraft
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.usage import UsageQuery, UsageValues
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.ids import derived_id
from usance.domain.metering.evidence import Evidence
from usance.resources import wire
from usance.resources.wire import Document

FORMAT: Final = 1
RECORD: Final = "record"  # beside the header of a bill: the id of the record of its calculation
CONTENT_TYPE: Final = "application/zlib"
LEVEL: Final = 6


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found of usage for one query; `evidence` of what, None where there was none."""

    value: Decimal | None
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class BillRecord:
    """`answers` are those to the queries of `plan_usage(inputs)`, in their order."""

    inputs: BillingInputs
    answers: tuple[Answer, ...]
    format: int = FORMAT

    @classmethod
    def of(cls, inputs: BillingInputs, usage: UsageValues, evidence: Mapping[UsageQuery, Evidence]) -> Self:
        """Of a calculation."""
        asked = pipeline.plan_usage(inputs)
        return cls(inputs, tuple(Answer(usage[query], evidence.get(query)) for query in asked))

    @property
    def answered(self) -> Sequence[tuple[UsageQuery, Answer]]:
        """Every query with its answer."""
        return list(zip(pipeline.plan_usage(self.inputs), self.answers, strict=True))

    def decide(self) -> BillDraft:
        """The bill, calculated again."""
        return pipeline.decide(self.inputs, {query: answer.value for query, answer in self.answered})

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """As `keep_record` wrote it."""
        return decode(zlib.decompress(packed), cls)


@dataclass(frozen=True, slots=True)
class Calculated:
    """A bill as documents: the fields of its header that follow from the calculation, its line items, what it draws."""

    core: Document
    line_items: list[Document]
    drawn: Drawn

    @classmethod
    def of(cls, draft: BillDraft) -> Self:
        """Of a decided bill."""
        return cls(header_of(draft), line_items_of(draft), Drawn(draft.draws))

    @property
    def digest(self) -> str:
        """By which equal bills are known."""
        return derived_id(self.text.decode())

    @property
    def text(self) -> bytes:
        """The bytes that are the same whenever the bill is."""
        told = [self.core, self.line_items]
        return wire.dumps([*told, self.drawn.private()] if self.drawn.draws else told)


def key_of(org_id: str, bill_id: str, record_id: str) -> str:
    """Where a record is kept."""
    return f"{org_id}/bill-records/{bill_id}/{record_id}.json.zz"


def keep_record(blobs: BlobStore, org_id: str, record: BillRecord, record_id: str) -> None:
    """Keep the record of a calculation under an id of its own, so that no other calculation needs it when it is removed."""
    packed = zlib.compress(encode(record), LEVEL)
    blobs.put(key_of(org_id, record.inputs.bill_id, record_id), packed, CONTENT_TYPE)


def read_record(blobs: BlobStore, org_id: str, bill_id: str, private: Mapping[str, str]) -> BillRecord:
    """The record of the bill's calculation. `InvalidInputError` when it was calculated before records were kept."""
    if RECORD not in private:
        raise InvalidInputError(f"the bill {bill_id} was calculated before records were kept; calculate it again")
    return BillRecord.unpack(blobs.get(key_of(org_id, bill_id, private[RECORD])))
