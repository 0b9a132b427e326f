"""Entities in memory, with the semantics of `usance.adapters.dynamodb.entities`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.fakes.clock import FrozenClock
from usance.application.paging import decode_token, encode_token
from usance.application.ports.clock import Clock
from usance.application.ports.deadline import Deadline
from usance.application.ports.entities import Claim, Delete, Guard, Page, Put, named_guards, stale
from usance.domain.kernel.errors import (
    DuplicateCodeError,
    InvalidInputError,
    NotFoundError,
    VersionConflictError,
)
from usance.resources import wire
from usance.resources.wire import Document

CLAIM_SECONDS = 30
CLAIM_MARGIN_SECONDS = 5
BODY_MAX_BYTES = 190_000


@dataclass(frozen=True)
class _Row:
    body: bytes
    version: int
    unique: Mapping[str, str]
    indexed: Mapping[str, Sequence[str]]
    private: Mapping[str, str]
    deleting: int | None = None


_Rows = dict[tuple[str, str, str], _Row]


@dataclass
class FakeEntityRepository:
    """`EntityRepository` in a dictionary. Documents are copied through JSON, as a store would."""

    clock: Clock = field(default_factory=FrozenClock)
    rows: _Rows = field(default_factory=dict)
    guards: dict[tuple[str, str], int] = field(default_factory=dict)

    def get(self, org_id: str, type_: str, id_: str) -> Document | None:
        row = self.rows.get((org_id, type_, id_))
        return wire.loads(row.body) if row else None

    def get_private(self, org_id: str, type_: str, ids: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        return {id_: dict(row.private) for id_ in ids if (row := self.rows.get((org_id, type_, id_)))}

    def get_many(self, org_id: str, type_: str, ids: Sequence[str]) -> Sequence[Document]:
        found = (self.get(org_id, type_, id_) for id_ in dict.fromkeys(ids))
        return [document for document in found if document is not None]

    def find_unique(self, org_id: str, type_: str, field_: str, value: str) -> Document | None:
        for (org, type_there, id_), row in self.rows.items():
            if (org, type_there) == (org_id, type_) and row.unique.get(field_) == value:
                return self.get(org_id, type_, id_)
        return None

    def taken(self, org_id: str, type_: str, field_: str, values: Sequence[str]) -> frozenset[str]:
        held = {
            row.unique.get(field_)
            for (org, type_there, _), row in self.rows.items()
            if (org, type_there) == (org_id, type_)
        }
        return frozenset(value for value in values if value in held)

    def list_page(
        self,
        org_id: str,
        type_: str,
        *,
        filters: Mapping[str, Sequence[str]],
        page_size: int,
        next_token: str | None = None,
        deadline: Deadline | None = None,
    ) -> Page:
        limit = decode_token(next_token) if next_token else None
        ids = sorted(
            (
                id_
                for (org, type_there, id_), row in self.rows.items()
                if (org, type_there) == (org_id, type_)
                and (limit is None or id_ < limit)
                and all(set(values) & _values(id_, row, name) for name, values in filters.items())
            ),
            reverse=True,
        )
        data = tuple(self.get_many(org_id, type_, ids[:page_size]))
        return Page(data, encode_token(ids[page_size - 1]) if len(ids) > page_size else None)

    def list_all(self, org_id: str, type_: str, *, filters: Mapping[str, Sequence[str]]) -> Sequence[Document]:
        return self.list_page(org_id, type_, filters=filters, page_size=len(self.rows) + 1).data

    def read_guard(self, org_id: str, name: str) -> Guard:
        return Guard(name, self.guards.get((org_id, name), 0))

    def claim_deletion(self, org_id: str, type_: str, id_: str) -> Claim:
        row = self.rows.get((org_id, type_, id_))
        if row is None:
            raise NotFoundError(f"there is no {type_} {id_}")
        if row.deleting is not None and row.deleting >= self._now():
            raise VersionConflictError(f"the {type_} {id_} is being changed or deleted by another request")
        expires = self._now() + CLAIM_SECONDS
        self.rows[org_id, type_, id_] = _claimed(row, expires)
        return Claim(type_, id_, row.version, expires)

    def release_deletion(self, org_id: str, claim: Claim) -> None:
        row = self.rows.get((org_id, claim.type, claim.id))
        if row and row.deleting == claim.expires:
            self.rows[org_id, claim.type, claim.id] = _claimed(row, None)

    def commit(self, org_id: str, changes: Sequence[Put | Delete]) -> None:
        # One change that nothing can refuse once it is made needs no copy to go back to.
        alone = (
            len(changes) == 1
            and isinstance(changes[0], Put)
            and not (changes[0].unique or changes[0].references or changes[0].guards)
        )
        after = self.rows if alone else dict(self.rows)
        for change in changes:
            if isinstance(change, Delete):
                self._delete(after, org_id, change)
        for change in changes:
            if isinstance(change, Put):
                self._put(after, org_id, change)
        for change in changes:
            if isinstance(change, Put) and (change.unique or change.references):
                self._check(after, org_id, change)
        self.move_guards(org_id, (guard for change in changes for guard in change.guards))
        self.rows = after

    def check_guards(self, org_id: str, guards: Iterable[Guard]) -> Sequence[Guard]:
        found = named_guards(guards)
        for guard in found:
            if self.guards.get((org_id, guard.name), 0) != guard.seen:
                raise stale(guard)
        return found

    def move_guards(self, org_id: str, guards: Iterable[Guard]) -> None:
        moved = [guard for guard in self.check_guards(org_id, guards) if not guard.holds]
        self.guards |= {(org_id, guard.name): guard.seen + 1 for guard in moved}

    def keep(self, org_id: str, change: Put) -> None:
        """Have what another repository of the same table has stored."""
        row = _Row(wire.dumps(change.document), int(change.document["version"]), {}, change.indexed, {})
        self.rows[org_id, change.type, str(change.document["id"])] = row

    def drop(self, org_id: str, type_: str, id_: str) -> None:
        """Have no more what another repository of the same table has deleted."""
        self.rows.pop((org_id, type_, id_), None)

    def _delete(self, after: _Rows, org_id: str, change: Delete) -> None:
        row = self._current(after, org_id, change.type, change.id, change.expected_version)
        if change.claim and (self._now() >= change.claim.expires or row.deleting != change.claim.expires):
            raise VersionConflictError(f"the {change.type} {change.id} changed meanwhile; read it again")
        del after[org_id, change.type, change.id]

    def _put(self, after: _Rows, org_id: str, change: Put) -> None:
        id_ = change.document["id"]
        body = wire.dumps(change.document)
        if len(body) > BODY_MAX_BYTES:
            raise InvalidInputError(f"the {change.type} has {len(body)} bytes; the limit is {BODY_MAX_BYTES}")
        private: Mapping[str, str] = {}
        if change.expected_version is not None:
            private = self._current(after, org_id, change.type, id_, change.expected_version).private
        elif (org_id, change.type, id_) in after:
            raise VersionConflictError(f"the {change.type} {id_} exists already")
        after[org_id, change.type, id_] = _Row(
            body,
            int(change.document["version"]),
            dict(change.unique),
            {name: tuple(values) for name, values in change.indexed.items()},
            dict(change.private) if change.private is not None else private,
        )

    def _check(self, after: _Rows, org_id: str, change: Put) -> None:
        for (org, type_, id_), row in after.items():
            if (org, type_) != (org_id, change.type) or id_ == change.document["id"]:
                continue
            for name, value in change.unique.items():
                if row.unique.get(name) == value:
                    raise DuplicateCodeError.of(change.type, name, value)
        for reference in change.references:
            target = after.get((org_id, reference.type, reference.id))
            held = target and target.deleting is not None and target.deleting >= self._now() - CLAIM_MARGIN_SECONDS
            if target is None or held:
                name = reference.field or f"{reference.type}Id"
                raise InvalidInputError(f"{name}: there is no {reference.type} {reference.id}")

    def _current(self, after: _Rows, org_id: str, type_: str, id_: str, version: int | None) -> _Row:
        row = after.get((org_id, type_, id_))
        if row is None:
            raise NotFoundError(f"there is no {type_} {id_}")
        if version not in {None, row.version}:
            raise VersionConflictError(
                f"version {version} of the {type_} {id_} is not its current version {row.version}; read it again"
            )
        return row

    def _now(self) -> int:
        return int(self.clock.now().timestamp())


def _values(id_: str, row: _Row, name: str) -> set[str]:
    return {id_} if name == "id" else set(row.indexed.get(name, ()))


def _claimed(row: _Row, expires: int | None) -> _Row:
    return _Row(row.body, row.version, row.unique, row.indexed, row.private, expires)
