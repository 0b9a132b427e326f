"""What clients ask to have sent to an external system (ours)."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from usance.resources.fields import Noun, unique_items

ENTITIES_MAX: Final = 100  # each is a write and a message, and a request has half a minute


class SendRequest(Noun):
    """Entities of the kind that the integration configuration is for."""

    entity_ids: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=80)]],
        Field(min_length=1, max_length=ENTITIES_MAX),
        AfterValidator(unique_items),
    ]
