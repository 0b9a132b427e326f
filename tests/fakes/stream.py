"""Stores in memory that tell of their changes, as the stream of the entities table does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.bills import FakeBillRepository
from tests.fakes.entities import FakeEntityRepository
from usance.application.ports.entities import Delete, Guard, Put
from usance.domain.billing.numbering import Numbering
from usance.resources.wire import Document

PRIVATE = "sealed-and-hashed"
"""Stands beside every document, as sealed credentials do; no event may show it."""


@dataclass
class Stream:
    """Records as Lambda hands them over, in order."""

    records: list[dict[str, Any]] = field(default_factory=list)

    def add(self, org_id: str, type_: str, id_: str, old: bytes | None, new: bytes | None, seconds: int) -> None:
        if old == new:
            return
        keys = {"pk": {"S": f"{org_id}#{type_}"}, "sk": {"S": id_}}
        row = {**keys, "org": {"S": org_id}, "type": {"S": type_}, "id": {"S": id_}}
        sides = {
            name: {**row, "body": {"S": body.decode()}, "private": {"M": {"sealed": {"S": PRIVATE}}}}
            for name, body in (("OldImage", old), ("NewImage", new))
            if body is not None
        }
        number = f"{len(self.records) + 1:021}"
        change = {"SequenceNumber": number, "ApproximateCreationDateTime": seconds, "Keys": keys, **sides}
        self.records.append({"eventSource": "aws:dynamodb", "dynamodb": change})


@dataclass
class StreamingEntities(FakeEntityRepository):
    """`FakeEntityRepository` with a stream."""

    stream: Stream = field(default_factory=Stream)

    def commit(self, org_id: str, changes: Sequence[Put | Delete]) -> None:
        keys = [
            (org_id, change.type, str(change.document["id"]) if isinstance(change, Put) else change.id)
            for change in changes
        ]
        before = {key: self.rows.get(key) for key in keys}
        super().commit(org_id, changes)
        for key, old in before.items():
            new = self.rows.get(key)
            self.stream.add(*key, old.body if old else None, new.body if new else None, self._now())


@dataclass
class StreamingBills(FakeBillRepository):
    """`FakeBillRepository` with the stream of its entities."""

    def create(
        self,
        org_id: str,
        header: Document,
        line_items: Sequence[Document],
        *,
        private: Mapping[str, str],
        numbering: Numbering | None,
        beside: Sequence[Put | Delete] = (),
        guards: Sequence[Guard] = (),
    ) -> Document:
        made = super().create(
            org_id, header, line_items, private=private, numbering=numbering, beside=beside, guards=guards
        )
        self._tell(org_id, header["id"], None)
        return made

    def replace(self, org_id: str, header: Document, **more: Any) -> None:
        before = self.headers.get((org_id, header["id"]))
        super().replace(org_id, header, **more)
        self._tell(org_id, header["id"], before)

    def delete(self, org_id: str, bill_id: str, expected_version: int, **more: Any) -> None:
        before = self.headers.get((org_id, bill_id))
        super().delete(org_id, bill_id, expected_version, **more)
        self._tell(org_id, bill_id, before)

    def _tell(self, org_id: str, bill_id: str, before: bytes | None) -> None:
        assert isinstance(self.entities, StreamingEntities)
        seconds = int(self.entities.clock.now().timestamp())
        self.entities.stream.add(org_id, "bill", bill_id, before, self.headers.get((org_id, bill_id)), seconds)
