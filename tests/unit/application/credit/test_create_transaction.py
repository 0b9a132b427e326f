"""Transactions that rivals put on one balance at the same time."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.http import USER_ID
from tests.fakes.organization import Organization
from usance.application.credit.create_transaction import ATTEMPTS_MAX, create_transaction
from usance.application.entities.store import PAUSES_MAX
from usance.domain.access import Caller, Statement
from usance.domain.kernel.errors import UnavailableError, VersionConflictError


@pytest.fixture
def org() -> Organization:
    return Organization()


def refusing(org: Organization, times: int) -> Callable[..., None]:
    commit, refused = org.store.commit, iter(range(times))

    def contested(*args: Any, **more: Any) -> None:
        if next(refused, None) is not None:
            raise VersionConflictError("a rival was faster")
        commit(*args, **more)

    return contested


@pytest.mark.parametrize("times", [0, 1, 8, ATTEMPTS_MAX])
def test_rivals_wait_longer_each_time_before_they_try_again(
    org: Organization, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    balance = org.make("balance")
    caller = Caller(org.id, USER_ID, "USER", (Statement("allow", ("all",), ("*",)),))
    monkeypatch.setattr(org.store, "commit", refusing(org, times))
    if times == ATTEMPTS_MAX:
        with pytest.raises(UnavailableError):
            create_transaction(org.ports, caller, balance["id"], {"amount": 5})
    else:
        assert create_transaction(org.ports, caller, balance["id"], {"amount": 5})["amount"] == 5
    assert org.pauses == [min(attempt, PAUSES_MAX) for attempt in range(min(times, ATTEMPTS_MAX - 1))]
