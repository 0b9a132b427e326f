"""What a client sends to deliver again what a webhook did not get."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from usance.resources.fields import DateTime, Noun, Text, unique_items

FinalStatus = Literal["COMPLETE", "ERROR", "AUTH_FAILED", "TIMEOUT_LIMIT_EXCEEDED", "DISABLED"]


class ReplayRequest(Noun):
    """The time in which rules fired, after `startDate` and up to `endDate`, and how the deliveries ended.

    `nextToken` continues where the last answer stopped.
    """

    start_date: DateTime
    end_date: DateTime
    statuses: Annotated[list[FinalStatus], AfterValidator(unique_items), Field(min_length=1)] | None = None
    next_token: Text | None = None
