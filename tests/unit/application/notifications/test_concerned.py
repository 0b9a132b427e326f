"""Which account an entity concerns."""

from typing import Any

import pytest

from tests.unit.application.notifications.world import World
from usance.application.notifications.concerned import account_of
from usance.application.ports.entities import Put


@pytest.mark.parametrize(
    ("type_", "entity", "account"),
    [
        ("account", {"id": "a"}, "a"),
        ("account", {"id": "a", "accountId": "other"}, "a"),
        ("bill", {"id": "b", "accountId": "a"}, "a"),
        ("product", {"id": "p"}, None),
        ("balanceTransaction", {"id": "t", "balanceId": "here"}, "a"),
        ("balanceChargeSchedule", {"id": "s", "balanceId": "here"}, "a"),
        ("balanceTransactionSchedule", {"id": "s", "balanceId": "here"}, "a"),
        ("balanceTransaction", {"id": "t", "balanceId": "gone"}, None),
        ("pricingBand", {"id": "b", "pricingId": "p"}, None),
    ],
)
def test_an_entity_concerns_the_account_that_it_is_or_names_or_whose_balance_holds_it(
    type_: str, entity: dict[str, Any], account: str | None
) -> None:
    world = World()
    world.entities.commit(world.org, [Put("balance", {"id": "here", "version": 1, "accountId": "a"})])
    assert account_of(world.org, type_, entity, world.entities) == account
