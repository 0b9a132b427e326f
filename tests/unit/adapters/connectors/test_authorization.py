"""A refresh token is used once, however many attempts need a new access token at the same time."""

from collections.abc import Callable

import pytest

from tests.fakes.connectors import Asked, FakeHttpClient, answer
from tests.unit.application.integrations.world import SYSTEM, World
from tests.unit.application.notifications.delivering import ORG
from usance.adapters.connectors.authorization import LOOKS_MAX, OAuth
from usance.application.integrations.memory import RENEWAL_LASTS, StoredMemory
from usance.application.ports.connectors import Connection, Outside
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.domain.notifications.delivery import Fault

CREDENTIALS = {
    "type": "OAUTH_CLIENT_CREDENTIALS",
    "clientId": "client",
    "clientSecret": "secret",
    "refreshToken": "refresh-0",
}


class Vendor:
    """A token endpoint whose refresh tokens are void once they are used; `meanwhile` happens before it answers."""

    def __init__(self) -> None:
        self.made = 0
        self.meanwhile: Callable[[], None] = lambda: None

    def __call__(self, asked: Asked) -> Answer:
        if f"refresh_token=refresh-{self.made}".encode() not in asked.body:
            return answer(400, {"error": "invalid_grant"})
        self.made += 1
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return answer(200, {"access_token": f"access-{self.made}", "refresh_token": f"refresh-{self.made}"})


def attempt(world: World, vendor: Vendor, pause: Callable[[float], None] = lambda _: None) -> OAuth:
    """An attempt that has just read its credentials."""
    memory = StoredMemory(world.entities, world.secrets, world.clock, SYSTEM)
    kept = memory.credentials(ORG, "configuration")
    connection = Connection(ORG, "configuration", "XERO", credentials=kept)
    return OAuth(Outside(FakeHttpClient(vendor), memory, world.clock), connection, "https://vendor/token", pause=pause)


@pytest.fixture
def world() -> World:
    world = World()
    world.configure(credentials=CREDENTIALS)
    return world


def test_an_attempt_that_comes_later_uses_the_token_that_another_got(world: World) -> None:
    vendor = Vendor()
    first, second = attempt(world, vendor), attempt(world, vendor)
    assert first.header() == second.header() == "Bearer access-1"
    assert vendor.made == 1
    assert first.renew()
    assert second.renew()
    assert first.header() == second.header() == "Bearer access-2"


def test_an_attempt_that_comes_while_another_renews_waits_for_it(world: World) -> None:
    vendor = Vendor()
    waited: list[float] = []
    first = attempt(world, vendor)
    second = attempt(world, vendor, waited.append)

    def too_early() -> None:
        with pytest.raises(ConnectorError) as late:
            second.header()
        assert late.value.fault is Fault.PASSING

    vendor.meanwhile = too_early
    assert first.header() == "Bearer access-1"
    assert len(waited) == LOOKS_MAX
    assert second.header() == "Bearer access-1"
    assert vendor.made == 1


def test_an_attempt_that_was_cut_off_while_it_renewed_holds_up_the_others_for_a_minute(world: World) -> None:
    vendor = Vendor()
    later = attempt(world, vendor)
    connection = Connection(ORG, "configuration", "XERO", credentials=CREDENTIALS)
    dead = StoredMemory(world.entities, world.secrets, world.clock, SYSTEM).renewing(connection)
    assert dead.__enter__() == CREDENTIALS  # and nobody leaves it
    with pytest.raises(ConnectorError):
        later.header()
    world.clock.instant += RENEWAL_LASTS
    assert later.header() == "Bearer access-1"


def test_credentials_that_somebody_replaced_are_used_at_once(world: World) -> None:
    vendor = Vendor()
    old = attempt(world, vendor)
    memory = StoredMemory(world.entities, world.secrets, world.clock, SYSTEM)
    connection = Connection(ORG, "configuration", "XERO", credentials=CREDENTIALS)
    memory.keep_credentials(connection, {**CREDENTIALS, "refreshToken": "refresh-7"})
    vendor.made = 7
    assert old.header() == "Bearer access-8"
    assert memory.credentials(ORG, "configuration")["refreshToken"] == "refresh-8"
