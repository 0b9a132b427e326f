"""Tell people by e-mail that an integration was disabled: those that its `configData` names (platform.md 10.1)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from usance.application.ports.clock import Clock
from usance.application.ports.entities import EntityRepository
from usance.application.ports.mailer import Mailer
from usance.domain.integrations.selection import TOLD_MAX, TOLD_WHEN_DISABLED
from usance.domain.kernel.errors import UsanceError
from usance.resources import instants
from usance.resources.wire import Document

USER_TYPE: Final = "user"


@dataclass(frozen=True, slots=True)
class Notice:
    """How they are told; not at all where there is no `mailer`. `failed` hears which message could not be sent, and why."""

    entities: EntityRepository
    clock: Clock
    mailer: Mailer | None
    failed: Callable[[str, UsanceError], None]


def tell_disabled(org_id: str, configuration: Document, error: str, notice: Notice) -> None:
    """One message to each user whose access has not ended. The event tells it for certain; a message may be missed."""
    named = (configuration.get("configData") or {}).get(TOLD_WHEN_DISABLED)
    if notice.mailer is None or not isinstance(named, list):
        return
    now = notice.clock.now()
    for user in notice.entities.get_many(org_id, USER_TYPE, [str(one) for one in named[:TOLD_MAX]]):
        if "dtEndAccess" in user and instants.from_text(user["dtEndAccess"]) <= now:
            continue
        try:
            notice.mailer.send(user["email"], *_message(configuration, error))
        except UsanceError as refused:
            notice.failed(user["id"], refused)


def _message(configuration: Document, error: str) -> tuple[str, str]:
    name = configuration.get("name") or f"{configuration['entityType']} to {configuration['destination']}"
    subject = f"The integration {name} was disabled"
    text = (
        f"The integration {name} ({configuration['id']}) failed too often in a row and was disabled.\n\n"
        f"The last error: {error}\n\nNothing is sent until it is enabled again; then replay the runs that failed.\n"
    )
    return subject, text
