"""The organization's custom fields: defaults per kind of entity, one document per organization (platform.md 11.2)."""

from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from usance.domain.catalog.settings import keep_other_kinds
from usance.resources.fields import CustomValue, Name, Noun, without_nulls
from usance.resources.resource import Resource, Verb

FIELDS_MAX: Final = 25

Defaults = Annotated[dict[Name, CustomValue], BeforeValidator(without_nulls), Field(max_length=FIELDS_MAX)]


class CustomField(Noun):
    """Per kind of entity, the fields that calculations may name, with their default values.

    An update replaces the fields of the kinds that it names, and leaves the others.
    """

    organization: Defaults | None = None
    account: Defaults | None = None
    account_plan: Defaults | None = None
    aggregation: Defaults | None = None
    compound_aggregation: Defaults | None = None
    contract: Defaults | None = None
    meter: Defaults | None = None
    plan: Defaults | None = None
    plan_template: Defaults | None = None
    product: Defaults | None = None


CUSTOM_FIELD: Final = Resource(
    type="customField",
    path="customfields",
    model=CustomField,
    title="Custom fields",
    singleton=True,
    rules=(keep_other_kinds,),
    verbs=frozenset({Verb.GET, Verb.UPDATE}),
)
