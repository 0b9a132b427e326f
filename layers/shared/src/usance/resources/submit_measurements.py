"""Measurements as the API description shows them; requests are decoded by `usance.resources.measurements`."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from usance.domain.metering.submission import (
    CODE_MAX_CHARS,
    MEASUREMENTS_MAX,
    METADATA_MAX_CHARS,
    TEXT_MAX_CHARS,
    UID_MAX_CHARS,
)

# Of pydantic alone: the nouns of the configuration would cost ingest a tenth of its start.
DateTime = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Number = Annotated[Decimal, WithJsonSchema({"type": "number"})]
EntityCode = Annotated[str, Field(min_length=1, max_length=CODE_MAX_CHARS)]
Texts = dict[Annotated[str, Field(max_length=CODE_MAX_CHARS)], Annotated[str, Field(max_length=TEXT_MAX_CHARS)]]
Numbers = dict[Annotated[str, Field(max_length=CODE_MAX_CHARS)], Number]


class SubmittedMeasurement(BaseModel):
    """A measurement. Its maps are keyed by the codes of the meter's data fields, under the category of each."""

    model_config = ConfigDict(defer_build=True)

    uid: Annotated[str, Field(min_length=1, max_length=UID_MAX_CHARS)] | None = None
    meter: EntityCode
    account: EntityCode
    ts: DateTime
    ets: DateTime | None = None
    who: Texts | None = None
    what: Texts | None = None
    where: Texts | None = None
    other: Texts | None = None
    metadata: dict[str, Annotated[str, Field(max_length=METADATA_MAX_CHARS)]] | None = None
    measure: Numbers | None = None
    cost: Numbers | None = None
    income: Numbers | None = None


class SubmitMeasurements(BaseModel):
    """A request to ingest."""

    model_config = ConfigDict(defer_build=True)

    measurements: Annotated[list[SubmittedMeasurement], Field(min_length=1, max_length=MEASUREMENTS_MAX)]


class Accepted(BaseModel):
    """The answer when everything is durable."""

    model_config = ConfigDict(defer_build=True)

    result: str


class DownloadUrl(BaseModel):
    """A presigned URL."""

    model_config = ConfigDict(defer_build=True)

    url: str
