"""Webhook destinations: where notifications are sent, and what signs them (platform.md 9.1)."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from usance.domain.catalog.webhooks import describe_credentials
from usance.domain.kernel.headers import HEADER_TEXT, is_header_text
from usance.resources.fields import Name, Noun, Text
from usance.resources.resource import IDS, Dependant, Resource

URL_MAX_CHARS: Final = 2_048


def _header_text(value: str) -> str:
    if not is_header_text(value):
        raise ValueError(HEADER_TEXT)
    return value


class SignedCredentials(Noun):
    """What deliveries are signed with; the receiver knows the same.

    A `previousSecret` signs beside `secret` until it is left out: that is how a secret is replaced.
    """

    type: Literal["M3TER_SIGNED_REQUEST"]
    api_key: Annotated[Text, AfterValidator(_header_text)]
    secret: Text
    previous_secret: Text | None = None
    name: Name | None = None
    empty: bool | None = None


class Webhook(Noun):
    """A webhook destination. An `ordered` one gets its deliveries one after another, in the order of their events."""

    name: Name
    description: Text
    code: Annotated[str, Field(max_length=80)] | None = None
    url: Annotated[str, Field(min_length=1, max_length=URL_MAX_CHARS)]
    active: bool = True
    ordered: bool | None = None
    credentials: SignedCredentials


WEBHOOK: Final = Resource(
    type="webhook",
    path="integrationdestinations/webhooks",
    model=Webhook,
    title="Webhook destination",
    filters=(IDS,),
    rules=(describe_credentials,),
    dependants=(Dependant("integrationConfiguration", "destinationId"),),
    page_size_max=200,
    reaches=lambda webhook: str(webhook["url"]),
    sealed="credentials",
    sealed_texts=("apiKey", "secret", "previousSecret"),
    answers={
        "credentials": {
            "allOf": [
                {"$ref": "#/components/schemas/SignedCredentials"},
                {
                    "type": "object",
                    "description": "Its key and secrets are shown to those who may change the webhook.",
                    "properties": {
                        "id": {"type": "string", "description": "Of the credentials."},
                        "destination": {"type": "string", "enum": ["WEBHOOK"]},
                        "destinationId": {"type": "string", "description": "The webhook."},
                        "version": {"type": "integer", "description": "That of the webhook."},
                    },
                },
            ]
        }
    },
)
