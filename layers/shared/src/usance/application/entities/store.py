"""Store a proposed entity: decide on what is there now, and decide again when that changed meanwhile."""

from typing import Final

from usance.application.entities.ports import EntityPorts
from usance.application.entities.prepare import prepare
from usance.application.ports.entities import StaleGuardError
from usance.domain.kernel.errors import UnavailableError
from usance.resources.resource import Resource
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 10  # rivals for one account or meter; each round lets one of them pass
PAUSES_MAX: Final = 5  # doublings of the pause: someone waits for the answer


def store(ports: EntityPorts, org_id: str, resource: Resource, new: Document, old: Document | None) -> Document:
    """Make `old` (None: nothing) into `new`, and answer what was stored: `new`, completed by the rules.

    `InvalidInputError` when a rule refuses it; and whatever `EntityRepository.commit` refuses.
    """
    for attempt in range(ATTEMPTS_MAX):
        change = prepare(ports, org_id, resource, new, old)
        try:
            ports.entities.commit(org_id, [change])
        except StaleGuardError:
            if attempt + 1 < ATTEMPTS_MAX:
                ports.pause(min(attempt, PAUSES_MAX))
            continue
        return change.document
    raise UnavailableError(f"others keep changing what the {resource.type} depends on; repeat the request")
