"""An access key of a service user. The secret is answered once and kept only as a hash (platform.md 3.2)."""

from dataclasses import dataclass, field

from usance.application.access.create_organization import AUDIT_NAME
from usance.application.access.credentials import ACTIVE, ROOT, hashed
from usance.application.audit import created
from usance.application.ports.clock import Clock, IdFactory
from usance.application.ports.entities import EntityRepository, Put
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
) -> AccessKey:
    """Make an active key. Earlier keys stay active, so that keys can be rotated."""
    if entities.get(org_id, "serviceUser", service_user_id) is None:
        raise NotFoundError(f"there is no service user {service_user_id} in the organization {org_id}")
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
            )
        ],
    )
    return key
