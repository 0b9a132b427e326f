"""Policies and their principals: what the registry's rows do not describe (platform.md 3.2 to 5)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel

from usance.application.access.known_callers import SUPPORT_USERS
from usance.application.entities.ports import EntityPorts
from usance.application.ports.entities import Page
from usance.application.principals.accept_invitation import accept_invitation
from usance.application.principals.access_keys import (
    delete_access_key,
    get_access_key,
    list_access_keys,
    new_access_key,
    set_key_status,
)
from usance.application.principals.attach_policy import attach_policy
from usance.application.principals.delete_policy import delete_policy
from usance.application.principals.delete_service_user import delete_service_user
from usance.application.principals.describe_caller import describe_caller
from usance.application.principals.detach_policy import detach_policy
from usance.application.principals.invite import Post, invite, remind_user, send_invitation
from usance.application.principals.list_attached_policies import list_attached_policies
from usance.application.principals.list_user_groups import list_user_groups
from usance.entrypoints.http.routes import Operation, QueryParameter, Request, Route, flag, paging
from usance.resources.answers import CurrentUser
from usance.resources.invitation import INVITATION
from usance.resources.permission_policy import PERMISSION_POLICY, Attachment, PrincipalPermission
from usance.resources.resource import Verb
from usance.resources.resource_group import RESOURCE_GROUP
from usance.resources.service_user import SERVICE_USER, AccessKey, AccessKeyStatus, NewAccessKey
from usance.resources.user import USER
from usance.resources.wire import Document

Ports = Callable[[], EntityPorts]

ORGANIZATION: Final = "/organizations/{orgId}"
POLICIES: Final = f"{ORGANIZATION}/{PERMISSION_POLICY.path}"
USERS: Final = f"{ORGANIZATION}/{USER.path}"
KEYS: Final = f"{ORGANIZATION}/{SERVICE_USER.path}/{{id}}/accesskeys"
PRINCIPALS: Final[Mapping[str, str]] = {"user": "USER", "usergroup": "USERGROUP", "serviceuser": "SERVICEUSER"}
LONG_PAGE: Final = 200
_KEY_TAG: Final = "Access keys"


def invitation_verbs(ports: Ports, post: Callable[[], Post]) -> Mapping[Verb, Callable[[Request], Document]]:
    """The verbs of invitations that are not as the registry has them: who is invited is told."""

    def create(request: Request) -> Document:
        return invite(ports(), post(), request.caller, request.json_object())

    return {Verb.CREATE: create}


def routes(ports: Ports, post: Callable[[], Post]) -> tuple[Route, ...]:
    """Every route of this module; the entities function mounts them."""
    return (*_policies(ports), *_users(ports), *_telling(ports, post), *_service_users(ports))


def _policies(ports: Ports) -> tuple[Route, ...]:
    def delete(request: Request) -> Document:
        return delete_policy(ports(), request.caller, request.path["id"])

    def attaching(principal_type: str) -> Callable[[Request], Document]:
        return lambda request: attach_policy(
            ports(), request.caller, request.path["permissionPolicyId"], principal_type, request.json_object()
        )

    def detaching(principal_type: str) -> Callable[[Request], Document]:
        return lambda request: detach_policy(
            ports(), request.caller, request.path["permissionPolicyId"], principal_type, request.json_object()
        )

    policy = f"{POLICIES}/{{permissionPolicyId}}"
    tag = PERMISSION_POLICY.title
    answer: dict[str, Any] = {"tag": tag, "returns": PrincipalPermission}
    mounted = [route("DELETE", f"{POLICIES}/{{id}}", delete, "permissionPolicy.delete", "Delete: permission policy", tag, resource=PERMISSION_POLICY)]  # fmt: skip
    for name, type_ in PRINCIPALS.items():
        told = {"user": "user", "usergroup": "user group", "serviceuser": "service user"}[name]
        mounted += [
            route("POST", f"{policy}/addto{name}", attaching(type_), f"permissionPolicy.addTo.{name}", f"Attach a policy to a {told}", body=Attachment, **answer),
            route("POST", f"{policy}/removefrom{name}", detaching(type_), f"permissionPolicy.removeFrom.{name}", f"Detach a policy from a {told}", body=Attachment, **answer),
        ]  # fmt: skip
    return (
        *mounted,
        route("POST", f"{policy}/addtosupportusers", attaching(SUPPORT_USERS), "permissionPolicy.addTo.supportusers", "Attach a policy to those who give support", **answer),
        route("POST", f"{policy}/removefromsupportusers", detaching(SUPPORT_USERS), "permissionPolicy.removeFrom.supportusers", "Detach a policy from those who give support", **answer),
    )  # fmt: skip


def _users(ports: Ports) -> tuple[Route, ...]:
    def me(request: Request) -> Document:
        return describe_caller(ports(), request.caller)

    def permissions(request: Request) -> Document:
        size, token = paging(request, largest=LONG_PAGE)
        return envelope(
            list_attached_policies(ports(), request.caller, USER, request.path["id"], page_size=size, next_token=token)
        )

    def groups(request: Request) -> Document:
        size, token = paging(request, largest=LONG_PAGE)
        inherited = flag(request, "inherited")
        return envelope(
            list_user_groups(
                ports(), request.caller, request.path["id"], inherited=inherited, page_size=size, next_token=token
            )
        )

    def accept(request: Request) -> Document:
        return accept_invitation(ports(), request.caller, request.path["id"])

    pages = paged(LONG_PAGE)
    inherited = QueryParameter("inherited", "Whether to list the groups around these too.", {"type": "boolean"})
    group_query = {**pages, "query": (inherited,)}
    return (
        route("GET", f"{USERS}/me", me, "getCurrentUser", "Who is calling", USER.title, returns=CurrentUser),
        route("GET", f"{USERS}/{{id}}/permissions", permissions, "listUserPermissions", "List the policies attached to a user", USER.title, resource=PERMISSION_POLICY, **pages),
        route("GET", f"{USERS}/{{id}}/usergroups", groups, "listUserGroups", "List the groups a user is in", USER.title, resource=RESOURCE_GROUP, **group_query),
        route("POST", f"{ORGANIZATION}/{INVITATION.path}/{{id}}/accept", accept, "acceptInvitation", "Accept an invitation: make its user", INVITATION.title, resource=USER),
    )  # fmt: skip


def _telling(ports: Ports, post: Callable[[], Post]) -> tuple[Route, ...]:
    def send(request: Request) -> Document:
        return send_invitation(ports(), post(), request.caller, request.path["id"])

    def remind(request: Request) -> Document:
        remind_user(ports(), post(), request.caller, request.path["id"])
        return {}

    return (
        route("POST", f"{ORGANIZATION}/{INVITATION.path}/{{id}}/send", send, "sendInvitation", "Send the e-mail of an invitation again", INVITATION.title, resource=INVITATION),
        route("PUT", f"{USERS}/{{id}}/password/resend", remind, "resendPassword", "Tell a user by e-mail how to sign in", USER.title),
    )  # fmt: skip


def _service_users(ports: Ports) -> tuple[Route, ...]:
    def delete(request: Request) -> Document:
        return delete_service_user(ports(), request.caller, request.path["id"])

    def permissions(request: Request) -> Document:
        size, token = paging(request, largest=LONG_PAGE)
        return envelope(
            list_attached_policies(
                ports(), request.caller, SERVICE_USER, request.path["id"], page_size=size, next_token=token
            )
        )

    def create_key(request: Request) -> Document:
        return new_access_key(ports(), request.caller, request.path["id"])

    def list_keys(request: Request) -> Document:
        size, token = paging(request)
        return envelope(list_access_keys(ports(), request.caller, request.path["id"], page_size=size, next_token=token))

    def read_key(request: Request) -> Document:
        return get_access_key(ports(), request.caller, request.path["id"], request.path["keyId"])

    def switch_key(request: Request) -> Document:
        user_id, key_id = request.path["id"], request.path["keyId"]
        return set_key_status(ports(), request.caller, user_id, key_id, request.json_object())

    def delete_key(request: Request) -> Document:
        return delete_access_key(ports(), request.caller, request.path["id"], request.path["keyId"])

    user, key = f"{ORGANIZATION}/{SERVICE_USER.path}/{{id}}", f"{KEYS}/{{keyId}}"
    tag = SERVICE_USER.title
    return (
        route("DELETE", user, delete, "serviceUser.delete", "Delete: service user", tag, resource=SERVICE_USER),
        route("GET", f"{user}/permissions", permissions, "listServiceUserPermissions", "List the policies attached to a service user", tag, resource=PERMISSION_POLICY, **paged(LONG_PAGE)),
        route("POST", KEYS, create_key, "createAccessKey", "Create an access key; its secret is shown this once", _KEY_TAG, returns=NewAccessKey),
        route("GET", KEYS, list_keys, "listAccessKeys", "List the access keys of a service user", _KEY_TAG, returns=AccessKey, **paged(100)),
        route("GET", key, read_key, "getAccessKey", "Read an access key", _KEY_TAG, returns=AccessKey),
        route("PUT", key, switch_key, "updateAccessKey", "Activate or deactivate an access key", _KEY_TAG, body=AccessKeyStatus, returns=AccessKey),
        route("DELETE", key, delete_key, "deleteAccessKey", "Delete an access key", _KEY_TAG, returns=AccessKey),
    )  # fmt: skip


def route(
    method: str,
    path: str,
    handle: Callable[[Request], Any],
    id_: str,
    summary: str,
    tag: str,
    body: type[BaseModel] | None = None,
    **more: Any,
) -> Route:
    """A route with its description."""
    return Route(method, path, handle, Operation(id_, summary, tag, body, **more))


def envelope(page: Page) -> Document:
    """A page as the API answers it."""
    return {"data": list(page.data), "nextToken": page.next_token}


def paged(largest: int) -> dict[str, Any]:
    """What the description of a list says of its pages."""
    return {"paged": True, "page_size_max": largest}
