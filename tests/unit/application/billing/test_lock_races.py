"""Bills that change while the lock date is set, whichever comes first (billing.md 12.7)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.application.billing.world import World
from usance.application.billing.lock_date import CLOSING
from usance.domain.kernel.errors import UnavailableError

DECEMBER = "2025-12-31"
MEMO = {
    "amount": 5,
    "description": "Kindness",
    "servicePeriodStartDate": "2025-12-01T00:00:00Z",
    "servicePeriodEndDate": "2026-01-01T00:00:00Z",
}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def bill(world: World) -> dict[str, Any]:
    """December: 20 of standing charge, approved. 7 of usage came since."""
    account = world.subscribe()
    bill = world.bill(world.run())
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    world.use(account, "2025-12-05T00:00:00Z", 7)
    return dict(world.get(f"/bills/{bill['id']}"))


def lock(world: World) -> int:
    return world.client.put("/billconfig", {"billLockDate": DECEMBER}).status


def before(world: World, name: str, what: Callable[[], Any]) -> list[Any]:
    """Does `what` once, before the store of bills does `name`; answers what came of it."""
    real, done = getattr(world.bills, name), list[Any]()

    def late(*args: Any, **more: Any) -> Any:
        if not done:
            done.append(None)
            done[:] = [what()]
        return real(*args, **more)

    setattr(world.bills, name, late)
    return done


def credit(world: World, bill: dict[str, Any]) -> int:
    line, product = bill["lineItems"][0]["id"], bill["lineItems"][0]["productId"]
    refers = {"referencedBillId": bill["id"], "referencedLineItemId": line}
    body = {**MEMO, **refers, "productId": product, "accountingProductId": product}
    return world.client.post(f"/bills/{bill['id']}/creditlineitems", body).status


CHANGES: dict[str, tuple[str, Callable[[World, dict[str, Any]], Any]]] = {
    "a job": ("replace", lambda world, _: world.run()["billIds"]),
    "a credit": ("replace", credit),
    "the status": (
        "replace",
        lambda world, bill: world.client.put(f"/bills/{bill['id']}/status", {"status": "PENDING"}).status,
    ),
    "its end": ("delete", lambda world, bill: world.client.delete(f"/bills/{bill['id']}").status),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_bill_that_is_locked_before_its_change_is_stored_does_not_change(
    world: World, bill: dict[str, Any], change: str
) -> None:
    stored_by, attempt = CHANGES[change]
    locked = before(world, stored_by, lambda: lock(world))
    assert attempt(world, bill) in ([], 400)
    assert locked == [200]
    assert world.get(f"/bills/{bill['id']}") == {**bill, "locked": True}


def test_a_bill_is_not_made_when_its_period_is_locked_meanwhile(world: World) -> None:
    world.subscribe()
    locked = before(world, "create", lambda: lock(world))
    assert (world.run()["billIds"], locked, world.all_bills()) == ([], [200], [])


@pytest.mark.parametrize("change", CHANGES)
def test_a_bill_cannot_change_once_the_lock_date_was_decided_on(
    world: World, bill: dict[str, Any], change: str
) -> None:
    """The date is set when no bill is PENDING: from then on none may become so until it is in force."""
    attempt, found, answers = CHANGES[change][1], world.bills.exists_up_to, list[Any]()

    def slow(*args: Any) -> bool:
        pending = found(*args)
        try:
            answers.append(attempt(world, bill))
        except UnavailableError:
            answers.append(503)
        return pending

    world.bills.exists_up_to = slow  # type: ignore[method-assign]
    assert (lock(world), answers) == (200, [503])
    assert world.get(f"/bills/{bill['id']}") == {**bill, "locked": True}


def test_a_pending_bill_refuses_the_date_and_can_be_changed_at_once(world: World, bill: dict[str, Any]) -> None:
    assert world.run()["billIds"] == [bill["id"]]
    assert lock(world) == 400
    assert "billLockDate" not in world.get("/billconfig")
    assert world.org.store.get(world.org.id, CLOSING, world.org.id) is None
    assert world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})["status"] == "APPROVED"
    assert lock(world) == 200


def test_setting_the_date_that_ends_in_the_middle_holds_bills_up_for_a_moment(
    world: World, bill: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: Any) -> bool:
        raise UnavailableError("the store is busy")

    with monkeypatch.context() as patch:
        patch.setattr(world.bills, "exists_up_to", dies)
        assert lock(world) == 503
    status = f"/bills/{bill['id']}/status"
    assert (lock(world), world.client.put(status, {"status": "PENDING"}).status) == (409, 503)
    world.configure(autoApproveBillsGracePeriod=1, autoApproveBillsGracePeriodUnit="MINUTES")
    stored = world.bills.get(world.org.id, bill["id"])
    assert stored
    pending = {**stored, "status": "PENDING", "version": stored["version"] + 1}
    world.bills.replace(world.org.id, pending, expected_version=stored["version"])
    assert world.approve_due("2026-01-15T12:00:00Z") == 0  # and the bills of others have their turn
    world.clock.instant += timedelta(seconds=36)
    assert world.run()["billIds"] == [bill["id"]]
    assert world.put(status, {"status": "APPROVED"})["locked"] is False
    assert lock(world) == 200


def test_a_date_that_was_decided_too_long_ago_is_not_set(world: World, bill: dict[str, Any]) -> None:
    assert bill
    found = world.bills.exists_up_to

    def slow(*args: Any) -> bool:
        world.clock.instant += timedelta(seconds=30)
        return found(*args)

    world.bills.exists_up_to = slow  # type: ignore[method-assign]
    assert lock(world) == 409
    assert "billLockDate" not in world.get("/billconfig")


def test_of_two_requests_that_set_the_date_one_wins(world: World, bill: dict[str, Any]) -> None:
    assert bill
    found, other = world.bills.exists_up_to, list[int]()

    def slow(*args: Any) -> bool:
        other.append(world.client.put("/billconfig", {"billLockDate": "2025-11-30"}).status)
        return found(*args)

    world.bills.exists_up_to = slow  # type: ignore[method-assign]
    assert (lock(world), other) == (200, [409])
    assert world.get("/billconfig")["billLockDate"] == DECEMBER


def test_bills_after_the_date_go_on_while_it_is_set(world: World, bill: dict[str, Any]) -> None:
    assert bill
    found, made = world.bills.exists_up_to, list[str]()

    def slow(*args: Any) -> bool:
        made.extend(world.run(lastDateInBillingPeriod="2026-01-31")["billIds"])
        return found(*args)

    world.bills.exists_up_to = slow  # type: ignore[method-assign]
    assert (lock(world), len(made)) == (200, 1)
