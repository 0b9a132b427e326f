"""What refusals and faults of the store become."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from usance.adapters.dynamodb.transactions import ATTEMPTS_MAX, Step, store_faults, transact
from usance.domain.kernel.errors import DuplicateCodeError, NotFoundError, UnavailableError


@dataclass
class FakeClient:
    """Answers with `outcomes` in turn: None succeeds, a list cancels with these reasons, a text is an error code."""

    outcomes: Sequence[Any]
    calls: list[Any] = field(default_factory=list)

    def transact_write_items(self, **request: Any) -> None:
        outcome = self.outcomes[len(self.calls)]
        self.calls.append(request)
        if isinstance(outcome, list):
            reasons = [{"Code": code} if isinstance(code, str) else code for code in outcome]
            error = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise ClientError(error, "TransactWriteItems")  # type: ignore[arg-type]
        if isinstance(outcome, str):
            raise ClientError({"Error": {"Code": outcome}}, "TransactWriteItems")
        if outcome is not None:
            raise outcome


def steps() -> list[Step]:
    return [
        Step({"Put": {"n": 1}}, lambda there: NotFoundError(f"one {there}")),
        Step({"Put": {"n": 2}}, lambda _: DuplicateCodeError("two")),
    ]


def test_the_first_condition_that_fails_speaks() -> None:
    with pytest.raises(DuplicateCodeError, match="two"):
        transact(FakeClient([["None", "ConditionalCheckFailed"]]), steps())
    both: list[Any] = [{"Code": "ConditionalCheckFailed", "Item": {"id": 1}}, "ConditionalCheckFailed"]
    with pytest.raises(NotFoundError, match=r"one \{'id': 1\}"):
        transact(FakeClient([both]), steps())


def test_a_conflict_with_another_transaction_is_tried_again() -> None:
    client = FakeClient([["TransactionConflict", "None"], "TransactionInProgressException", None])
    transact(client, steps())
    assert len(client.calls) == 3
    assert client.calls[0] == client.calls[2]


def test_endless_conflicts_are_unavailable() -> None:
    client = FakeClient([["TransactionConflict", "None"]] * ATTEMPTS_MAX)
    with pytest.raises(UnavailableError):
        transact(client, steps())
    assert len(client.calls) == ATTEMPTS_MAX


@pytest.mark.parametrize(
    "outcome",
    [["ThrottlingError", "None"], "ThrottlingException", "InternalServerError", ReadTimeoutError(endpoint_url="x")],
)
def test_a_store_that_is_busy_is_unavailable(outcome: Any) -> None:
    with pytest.raises(UnavailableError):
        transact(FakeClient([outcome]), steps())


def test_a_mistake_of_ours_is_not_hidden() -> None:
    with pytest.raises(ValueError, match="ValidationError"):
        transact(FakeClient([["ValidationError", "None"]]), steps())
    with pytest.raises(ClientError):
        transact(FakeClient(["AccessDeniedException"]), steps())
    with pytest.raises(ValueError, match="101"):
        transact(FakeClient([]), steps()[:1] * 101)


def test_a_failed_condition_of_a_single_write_is_left_to_its_caller() -> None:
    with pytest.raises(ClientError), store_faults():
        raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "PutItem")
