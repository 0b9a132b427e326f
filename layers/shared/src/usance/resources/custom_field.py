"""The organization's custom fields: defaults per kind of entity, one document per organization (platform.md 11.2)."""

from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from usance.resources.fields import CustomValue, Name, Noun, without_nulls
from usance.resources.resource import Resource, Verb

FIELDS_MAX: Final = 25

Defaults = Annotated[
    dict[Name, CustomValue], BeforeValidator(without_nulls), Field(default_factory=dict, max_length=FIELDS_MAX)
]


class CustomField(Noun):
    """Per kind of entity, the fields that calculations may name, with their default values."""

    organization: Defaults
    account: Defaults
    account_plan: Defaults
    aggregation: Defaults
    compound_aggregation: Defaults
    contract: Defaults
    meter: Defaults
    plan: Defaults
    plan_template: Defaults
    product: Defaults


CUSTOM_FIELD: Final = Resource(
    type="customField",
    path="customfields",
    model=CustomField,
    title="Custom fields",
    singleton=True,
    verbs=frozenset({Verb.GET, Verb.UPDATE}),
)
