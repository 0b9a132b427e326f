"""Service users: programs that call the API, each with access keys of its own (platform.md 3.2)."""

from typing import Final, Literal

from usance.resources.fields import Name, Noun, Version
from usance.resources.resource import ALL_VERBS, IDS, Dependant, Resource, Verb


class ServiceUser(Noun):
    """A service user."""

    name: Name


class AccessKeyStatus(Noun):
    """Whether a key gives tokens, and whether its tokens are worth anything."""

    status: Literal["ACTIVE", "INACTIVE"]
    version: Version | None = None


class AccessKey(Noun):
    """An access key. `apiKey` is its id again, by the name that clients know it by."""

    id: str
    version: int
    api_key: str
    service_user_id: str
    status: Literal["ACTIVE", "INACTIVE"]
    dt_created: str
    dt_last_modified: str
    created_by: str
    last_modified_by: str


class NewAccessKey(AccessKey):
    """An access key with its secret, which is shown this once."""

    api_secret: str


SERVICE_USER: Final = Resource(
    type="serviceUser",
    path="serviceusers",
    model=ServiceUser,
    title="Service user",
    verbs=ALL_VERBS - {Verb.DELETE},  # deleting takes the access keys along
    filters=(IDS,),
    parts=(Dependant("principalPermission", "principalId"),),
    page_size_max=200,
)
