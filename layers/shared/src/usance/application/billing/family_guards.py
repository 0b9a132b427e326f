"""What keeps bills of one family from being locked while another one decides on the same plans (billing.md 12.7).

A bill that leaves time to another bill, or takes it over, relies on whether that one can still change. Whoever locks a bill
moves the guards of the accounts that may rely on it; a bill that did is stored only if none of them has moved.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from usance.application.ports.entities import EntityRepository, Guard
from usance.resources.wire import Document


@dataclass(slots=True)
class Watch:
    """The accounts whose bills a decision relied on. Their guards are read as they are added: do so before the bills."""

    entities: EntityRepository
    org_id: str
    _guards: dict[str, Guard] = field(default_factory=dict)

    def over(self, account_ids: Iterable[str]) -> None:
        """Rely on bills of these accounts."""
        for id_ in account_ids:
            if id_ not in self._guards:
                self._guards[id_] = replace(self.entities.read_guard(self.org_id, _name(id_)), holds=True)

    @property
    def guards(self) -> Sequence[Guard]:
        """What the change that follows holds; nothing when no bill was relied on."""
        return tuple(self._guards.values())


def parents_of(account: Document) -> Sequence[str]:
    """The parent of an account and those that it had before."""
    found = (account.get("parentAccountId"), *account.get("formerParentAccountIds", ()))
    return tuple(dict.fromkeys(id_ for id_ in found if id_))


def moved_guards(entities: EntityRepository, org_id: str, account_id: str) -> Sequence[Guard]:
    """What locking a bill of an account moves: its own guard, and those of its parents, whose bills may share its plans."""
    account = entities.get(org_id, "account", account_id) or {}
    return tuple(entities.read_guard(org_id, _name(id_)) for id_ in (account_id, *parents_of(account)))


def _name(account_id: str) -> str:
    return f"locked bills of account {account_id}"
