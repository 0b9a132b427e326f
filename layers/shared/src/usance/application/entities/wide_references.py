"""Changes that refer to more entities than a transaction can check one by one.

Such a change reads whether they are there, and moves a guard; who deletes one of them looks for what refers to it, and
moves the same guard. So whichever comes second has to look again, and nothing ever refers to what is gone.
"""

from collections import Counter
from dataclasses import replace
from typing import Final

from usance.application.ports.entities import EntityRepository, Guard, Put
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.registry import REGISTRY

CHECKED_MAX: Final = 20  # one by one; a transaction holds 100 rows, and has others to write
GUARDED: Final = frozenset(row.type for row in REGISTRY if any(dependant.wide for dependant in row.dependants))


def with_wide_references(entities: EntityRepository, org_id: str, change: Put) -> Put:
    """The change with a guard in place of the references of those fields that have most, so that few are left.

    Only of types whose deletions move that guard. `InvalidInputError` names the first entity that is not there.
    """
    counts = Counter((one.field, one.type) for one in change.references)
    left, wide = len(change.references), set[tuple[str, str]]()
    for key, count in counts.most_common():
        if left > CHECKED_MAX and key[1] in GUARDED:
            left -= count
            wide.add(key)
    if not wide:
        return change
    guards = tuple(deletion_guard(entities, org_id, type_) for type_ in sorted({type_ for _, type_ in wide}))
    for field, type_ in sorted(wide):
        ids = [one.id for one in change.references if (one.field, one.type) == (field, type_)]
        there = {document["id"] for document in entities.get_many(org_id, type_, ids)}
        if missing := next((id_ for id_ in ids if id_ not in there), None):
            raise InvalidInputError(f"{field}: there is no {type_} {missing}")
    checked = [one for one in change.references if (one.field, one.type) not in wide]
    return replace(change, references=checked, guards=(*change.guards, *guards))


def deletion_guard(entities: EntityRepository, org_id: str, type_: str) -> Guard:
    """What moves with every deletion of the type, and with every change that refers to many of it."""
    return entities.read_guard(org_id, f"deletion of {type_}")
