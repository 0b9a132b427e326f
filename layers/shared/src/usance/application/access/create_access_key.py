"""An access key of a service user. The secret is answered once and kept only as a hash (platform.md 3.2)."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from usance.application.access.create_organization import AUDIT_NAME
from usance.application.access.credentials import ACTIVE, ROOT, hashed
from usance.application.audit import created
from usance.application.ports.clock import Clock, IdFactory
from usance.application.ports.entities import Delete, EntityRepository, Guard, Put
from usance.application.ports.secrets import Secrets
from usance.domain.kernel.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What a client authenticates with."""

    api_key: str
    api_secret: str = field(repr=False)


def create_access_key(
    entities: EntityRepository,
    clock: Clock,
    ids: IdFactory,
    secrets: Secrets,
    *,
    org_id: str,
    service_user_id: str,
    by: str = AUDIT_NAME,
    guards: Sequence[Guard] = (),
) -> AccessKey:
    """Make an active key, as long as the guards stand. Earlier keys stay active, so that keys can be rotated."""
    _require_user(entities, org_id, service_user_id)
    key = AccessKey(ids.new(), secrets.fresh())
    document = {"orgId": org_id, "serviceUserId": service_user_id, "status": ACTIVE}
    entities.commit(
        ROOT,
        [
            Put(
                "accessKey",
                created(document, key.api_key, by, clock.now()),
                indexed={"serviceUserId": [service_user_id]},
                private={"secretHash": hashed(key.api_secret)},
                guards=guards,
            )
        ],
    )
    try:
        # A user that was deleted meanwhile took only those keys along that were there.
        _require_user(entities, org_id, service_user_id)
    except NotFoundError:
        with suppress(NotFoundError):
            entities.commit(ROOT, [Delete("accessKey", key.api_key)])
        raise
    return key


def _require_user(entities: EntityRepository, org_id: str, service_user_id: str) -> None:
    if entities.get(org_id, "serviceUser", service_user_id) is None:
        raise NotFoundError(f"there is no service user {service_user_id} in the organization {org_id}")
