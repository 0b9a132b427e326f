"""The store of configuration and billing entities (design: one row per entity, codes and filters as rows beside it)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from usance.application.ports.deadline import Deadline
from usance.domain.kernel.errors import VersionConflictError
from usance.resources.wire import Document


class StaleGuardError(VersionConflictError):
    """Something that the change was decided on changed meanwhile: decide again."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, newest first. `next_token` is None on the last page."""

    data: Sequence[Document]
    next_token: str | None


@dataclass(frozen=True, slots=True)
class Reference:
    """An entity that must exist, and not be going away, when a change commits. `field` is named when it does not."""

    type: str
    id: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Guard:
    """A counter that moves with every change decided under its name, so that such changes come one after another.

    Reading it before deciding and naming it in the change makes sure that nobody else decided in between. A change that
    `holds` it only makes sure that nobody moved it: such changes do not come after one another.
    """

    name: str
    seen: int
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Put:
    """Create (`expected_version` None) or replace an entity.

    `document` is the whole wire form with `id` and `version`. `unique` maps a field to a value no other entity of the
    type may hold; `indexed` maps a filter field to the values by which lists find this entity. `private` is text kept
    beside the document and never in it (sealed credentials, hashes), so that no event or answer shows it; None keeps
    what an earlier Put left.
    """

    type: str
    document: Document
    expected_version: int | None = None
    unique: Mapping[str, str] = field(default_factory=dict)
    indexed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    references: Sequence[Reference] = ()
    private: Mapping[str, str] | None = None
    guards: Sequence[Guard] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an entity that still has `expected_version` (None: whatever version).

    With a `claim` (from `claim_deletion`) the claim must still hold, so that nothing can have referred to the entity
    since it was taken.
    """

    type: str
    id: str
    expected_version: int | None = None
    claim: "Claim | None" = None
    guards: Sequence[Guard] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to delete an entity: until `expires` (epoch seconds) no Put may refer to it."""

    type: str
    id: str
    version: int
    expires: int


def named_guards(guards: Iterable[Guard]) -> Sequence[Guard]:
    """Each guard of a transaction once. `StaleGuardError` when one was read twice and has moved in between."""
    found: dict[str, Guard] = {}
    for guard in guards:
        known = found.setdefault(guard.name, guard)
        if known.seen != guard.seen:
            raise stale(guard)
        if known.holds:
            found[guard.name] = guard
    return list(found.values())


def stale(guard: Guard) -> StaleGuardError:
    """What a guard that has moved refuses a change with."""
    return StaleGuardError(f"{guard.name} changed meanwhile; repeat the request")


class EntityRepository(Protocol):
    """Entities of one deployment. Every call names the organization; nothing crosses from one to another."""

    def get(self, org_id: str, type_: str, id_: str) -> Document | None:
        """The entity as of now (strongly consistent), or None."""
        ...

    def get_many(self, org_id: str, type_: str, ids: Sequence[str]) -> Sequence[Document]:
        """Those of `ids` that exist, in the order asked."""
        ...

    def find_unique(self, org_id: str, type_: str, field_: str, value: str) -> Document | None:
        """The entity whose unique `field_` (mostly `code`) is `value`, or None."""
        ...

    def taken(self, org_id: str, type_: str, field_: str, values: Sequence[str]) -> frozenset[str]:
        """Those of `values` that some entity of the type has as its unique `field_`."""
        ...

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
        """A page, newest first. A filter field matches any of its values; several fields must all match.

        At a deadline it ends with what was found, possibly nothing, and a token to go on from.
        Every filter field must be one the type indexes, or `id`. `InvalidInputError` on a token that is not ours.
        """
        ...

    def list_all(self, org_id: str, type_: str, *, filters: Mapping[str, Sequence[str]]) -> Sequence[Document]:
        """Every match, newest first; for bounded collections read whole by a use case."""
        ...

    def get_private(self, org_id: str, type_: str, ids: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Per id of an entity that exists, the private text beside it (possibly none)."""
        ...

    def read_guard(self, org_id: str, name: str) -> Guard:
        """The guard as of now; one that no change has named is at 0."""
        ...

    def claim_deletion(self, org_id: str, type_: str, id_: str) -> Claim:
        """Mark the entity as going away. `NotFoundError`, or `VersionConflictError` while another claim holds."""
        ...

    def release_deletion(self, org_id: str, claim: Claim) -> None:
        """Give a claim back; nothing happens when it is gone already."""
        ...

    def commit(self, org_id: str, changes: Sequence[Put | Delete]) -> None:
        """Apply all changes in one transaction, or none.

        Raises `DuplicateCodeError`, `VersionConflictError`, `NotFoundError` (a delete or update of nothing),
        `InvalidInputError` (a reference that is not there) or `StaleGuardError` (a guard that has moved).
        """
        ...
