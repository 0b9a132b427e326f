"""A worker that is killed at any step of a bill job: the message comes again, nothing is lost or doubled."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tests.unit.application.billing.world import World
from tests.unit.application.notifications.fuse import Fuse, Killed
from usance.application.billing.run_message import run_message
from usance.application.billing.stores import Workbench
from usance.resources.wire import Document

STORES = ("entities", "bills", "progress", "billing_queue")


def deliver_until_done(
    world: World, fuse: Fuse, killed: Callable[[], object] = lambda: None, calls_of: Sequence[str] = STORES
) -> None:
    """Messages of a worker whose every call may be its last; a message that was not finished comes again.

    What `killed` does happens before it comes.
    """
    guarded = replace(world.stores, **{name: fuse.guard(getattr(world.stores, name)) for name in calls_of})
    bench = Workbench(guarded, fuse.guard(world.usage), world.events, world.org.blobs)
    waiting: list[Document] = [message for message, _ in world.queue.take()]
    while waiting:
        message = waiting.pop(0)
        try:
            run_message(bench, {}, message)
        except Killed:
            killed()
            waiting.insert(0, message)
        waiting += [sent for sent, _ in world.queue.take()]


def outcome(at: int | None) -> tuple[Any, int]:
    """What stands after a job whose worker dies at step `at`, and how many steps it took."""
    world = World()
    world.configure(billPrefix="N")
    for _ in range(2):
        account = world.subscribe()
        world.use(account, "2025-12-05T00:00:00Z", 7)
    job = world.post("/billjobs", {"lastDateInBillingPeriod": "2025-12-31"})
    fuse = Fuse(at)
    deliver_until_done(world, fuse)
    ended = world.get(f"/billjobs/{job['id']}")
    bills = world.all_bills(includeBillTotal="true")
    facts = [(bill["id"], bill["version"], bill["sequentialInvoiceNumber"], str(bill["billTotal"])) for bill in bills]
    return (ended["status"], ended["total"], ended["pending"], ended["billIds"], sorted(facts)), fuse.steps


def test_a_killed_worker_changes_nothing_about_the_outcome() -> None:
    expected, steps = outcome(None)
    assert expected[0] == "COMPLETE"
    for at in range(1, steps + 1):
        assert outcome(at)[0] == expected, f"killed at step {at}"
