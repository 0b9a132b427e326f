"""What is offered can be sent to."""

import pytest

from tests.fakes.connectors import FakeHttpClient
from tests.fakes.entities import FakeEntityRepository
from tests.fakes.invoices import outside
from usance.bootstrap import stores
from usance.bootstrap.connectors import CONNECTORS
from usance.domain.integrations.system import BILL
from usance.domain.integrations.systems import SYSTEMS, system_of

DESTINATIONS = [name for system in SYSTEMS for name in system.destinations]


@pytest.mark.parametrize("destination", DESTINATIONS)
def test_every_destination_has_a_connector_that_takes_what_its_system_does(
    destination: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "entities", FakeEntityRepository)
    system = system_of(destination)
    assert system
    connector = CONNECTORS[destination.casefold()](outside(FakeHttpClient()))
    wanted = {"send", "void"} if BILL in system.entities else {"deliver"}
    assert wanted <= set(dir(connector))
