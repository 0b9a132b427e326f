"""Access keys of a service user: listed, read, switched on and off, deleted (platform.md 3.2).

Keys lie outside the organization, since the token endpoint looks them up before it knows one; so each of these asks
whose the key is.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from usance.application.access.authorize import require, require_some, visible
from usance.application.access.create_access_key import create_access_key
from usance.application.access.credentials import ROOT
from usance.application.audit import updated
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.application.paging import kept_page
from usance.application.ports.deadline import of_request
from usance.application.ports.entities import Delete, Page, Put, StaleGuardError
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, UnavailableError, VersionConflictError
from usance.resources.service_user import SERVICE_USER, AccessKeyStatus
from usance.resources.validation import validated
from usance.resources.wire import Document

KEY: Final = "accessKey"
KEYS_MAX: Final = 20  # of one service user; rotation needs two
ATTEMPTS_MAX: Final = 4  # others may switch the key, or make another one, in between


def new_access_key(ports: EntityPorts, caller: Caller, user_id: str) -> Document:
    """A new active key with its secret, which nothing shows again. Earlier keys stay as they are."""
    require(caller, Action.CONFIG_CREATE, KEY)
    require(caller, Action.CONFIG_UPDATE, SERVICE_USER.type, user_id)
    find(ports, caller.org_id, SERVICE_USER, user_id)
    for _ in range(ATTEMPTS_MAX):
        guard = ports.entities.read_guard(ROOT, f"keys of {user_id}")
        if len(_keys(ports, caller.org_id, user_id)) >= KEYS_MAX:
            raise InvalidInputError(f"the service user has {KEYS_MAX} access keys already; delete one first")
        try:
            key = create_access_key(
                ports.entities,
                ports.clock,
                ports.ids,
                ports.secrets,
                org_id=caller.org_id,
                service_user_id=user_id,
                by=caller.audit_name,
                guards=[guard],
            )
        except StaleGuardError:
            continue
        return {**_shown(_key(ports, caller.org_id, user_id, key.api_key)), "apiSecret": key.api_secret}
    raise UnavailableError("others keep making keys for this service user; repeat the request")


def list_access_keys(
    ports: EntityPorts, caller: Caller, user_id: str, *, page_size: int, next_token: str | None
) -> Page:
    """A page of the service user's keys, newest first, without their secrets. Those that a policy denies are left out."""
    require_some(caller, Action.CONFIG_RETRIEVE, KEY)
    require(caller, Action.CONFIG_RETRIEVE, SERVICE_USER.type, user_id)
    find(ports, caller.org_id, SERVICE_USER, user_id)
    filters = {"serviceUserId": [user_id]}
    page = kept_page(
        lambda size, token: ports.entities.list_page(ROOT, KEY, filters=filters, page_size=size, next_token=token),
        lambda keys: visible(caller, KEY, [key for key in keys if key["orgId"] == caller.org_id]),
        page_size=page_size,
        next_token=next_token,
        deadline=of_request(ports.clock),
    )
    return Page([_shown(key) for key in page.data], page.next_token)


def get_access_key(ports: EntityPorts, caller: Caller, user_id: str, key_id: str) -> Document:
    """One key, without its secret."""
    require(caller, Action.CONFIG_RETRIEVE, KEY, key_id)
    require(caller, Action.CONFIG_RETRIEVE, SERVICE_USER.type, user_id)
    return _shown(_key(ports, caller.org_id, user_id, key_id))


def set_key_status(ports: EntityPorts, caller: Caller, user_id: str, key_id: str, body: Mapping[str, Any]) -> Document:
    """The key, with the `status` of `body`. `version` may be left out; another than the key's is refused.

    From the moment it is inactive it gives no token; the tokens it gave go on working as long as the authorizer
    remembers them.
    """
    require(caller, Action.CONFIG_UPDATE, KEY, key_id)
    require(caller, Action.CONFIG_UPDATE, SERVICE_USER.type, user_id)
    _key(ports, caller.org_id, user_id, key_id)
    wanted = validated(AccessKeyStatus, body)
    for _ in range(ATTEMPTS_MAX):
        old = _key(ports, caller.org_id, user_id, key_id)
        if wanted.version not in {None, old["version"]}:
            raise VersionConflictError(
                f"version {wanted.version} of the access key is not its current one; read it again"
            )
        kept = {name: value for name, value in old.items() if name not in {"id", "version"}}
        new = updated({**kept, "status": wanted.status}, old, caller.audit_name, ports.clock.now())
        try:
            ports.entities.commit(
                ROOT, [Put(KEY, new, expected_version=old["version"], indexed={"serviceUserId": [user_id]})]
            )
        except VersionConflictError:
            continue
        return _shown(new)
    raise VersionConflictError(f"the access key {key_id} keeps changing; repeat the request")


def delete_access_key(ports: EntityPorts, caller: Caller, user_id: str, key_id: str) -> Document:
    """The key as it was. An active key is deleted as well: it is worth nothing at once."""
    require(caller, Action.CONFIG_DELETE, KEY, key_id)
    require(caller, Action.CONFIG_UPDATE, SERVICE_USER.type, user_id)
    key = _key(ports, caller.org_id, user_id, key_id)
    ports.entities.commit(ROOT, [Delete(KEY, key_id)])
    return _shown(key)


def delete_keys_of(ports: EntityPorts, org_id: str, user_id: str) -> None:
    """Delete every key of a service user; for callers that have been authorized."""
    for key in _keys(ports, org_id, user_id):
        with suppress(NotFoundError):  # somebody else deletes it right now
            ports.entities.commit(ROOT, [Delete(KEY, key["id"])])


def _keys(ports: EntityPorts, org_id: str, user_id: str) -> Sequence[Document]:
    found = ports.entities.list_all(ROOT, KEY, filters={"serviceUserId": [user_id]})
    return [key for key in found if key["orgId"] == org_id]


def _key(ports: EntityPorts, org_id: str, user_id: str, key_id: str) -> Document:
    key = ports.entities.get(ROOT, KEY, key_id)
    if key is None or key["orgId"] != org_id or key["serviceUserId"] != user_id:
        raise NotFoundError(f"the service user {user_id[:100]} has no access key {key_id[:100]}")
    return key


def _shown(key: Document) -> Document:
    return {"id": key["id"], "apiKey": key["id"], **{name: value for name, value in key.items() if name != "id"}}
