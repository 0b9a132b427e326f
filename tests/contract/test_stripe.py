"""Another stand-in of Stripe takes what our connector says.

localstripe knows customers and invoice items, but no invoice without a subscription, no `finalize` and no items of an invoice:
it gets what it knows, as the library encodes it, beside our own stand-in, which plays the rest. It listens where we tell it,
so that it is not on every network.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from tests.fakes.clock import FrozenClock
from tests.fakes.connectors import FakeMemory
from tests.fakes.stripe import KEY, FakeStripe
from tests.unit.adapters.connectors.test_stripe import ACCOUNT, CREDIT, Desk
from tests.unit.domain.integrations.test_invoice import LINE
from usance.adapters.connectors.stripe import StripeConnector
from usance.adapters.http_client import GuardedHttpClient
from usance.application.ports.connectors import Outside
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.domain.notifications.delivery import Fault
from usance.resources import wire

READY_SECONDS_MAX = 30
SERVE = "import sys; from aiohttp import web; from localstripe.server import app; web.run_app(app, host='127.0.0.1', port=int(sys.argv[1]))"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """localstripe, as a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("localstripe")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", SERVE, str(port)], cwd=folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not _answers(port):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "localstripe does not answer"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


_NAMES = {"period[start]": "period_start", "period[end]": "period_end"}  # as localstripe calls them


@dataclass
class Both(FakeStripe):
    """Our stand-in, and what the other one made of the same requests."""

    address: str = ""
    theirs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        answer = super().request(method, url, headers, body)
        kind = url.partition("/v1/")[2]
        if method == "POST" and kind in {"customers", "invoiceitems"}:
            ours = wire.loads(answer.body)
            told = [
                (_NAMES.get(name, name), self._id_there(name, value))
                for name, value in parse_qsl(body.decode())
                if name != "invoice"
            ]
            http = GuardedHttpClient(["127.0.0.1"])
            made = http.request("POST", f"{self.address}/v1/{kind}", headers, urlencode(told).encode())
            assert made.status == 200, made.body
            self.theirs[ours["id"]] = wire.loads(made.body)
        return answer

    def _id_there(self, name: str, value: str) -> str:
        return str(self.theirs[value]["id"]) if name == "customer" else value


def test_customers_and_items_are_as_another_stand_in_understands_them(address: str) -> None:
    address_ = {"addressLine1": "1 Road", "locality": "Leeds", "postCode": "LS1", "country": "GB"}
    desk = Desk(stripe=Both(address=address))
    job = replace(desk.job(LINE, CREDIT), account={**ACCOUNT, "address": address_})
    desk.connector().send(job)
    assert isinstance(desk.stripe, Both)
    customer, charge, credit = desk.stripe.theirs.values()
    assert (customer["name"], customer["email"]) == ("Acme", "billing@acme.example")
    assert customer["address"] == {"line1": "1 Road", "city": "Leeds", "postal_code": "LS1", "country": "GB"}
    assert [(one["description"], one["amount"], one["currency"]) for one in (charge, credit)] == [
        ("API calls", 1230, "usd"),
        ("Refund", -230, "usd"),
    ]
    assert charge["period"] == {"start": 1767225600, "end": 1769904000}
    assert charge["metadata"]["usanceLineId"] == "line"
    assert Decimal(charge["amount"] + credit["amount"]) / 100 == job.invoice.total


def test_the_library_reaches_a_server_over_our_connections_and_a_wrong_key_is_told(address: str) -> None:
    desk = Desk(key="rk_nonsense")
    outside = Outside(GuardedHttpClient(["127.0.0.1"]), FakeMemory(), FrozenClock())
    with pytest.raises(ConnectorError) as raised:
        StripeConnector(outside, api=address).send(desk.job(LINE))
    assert raised.value.fault is Fault.CREDENTIALS_REFUSED
    desk.key = KEY
    memory = FakeMemory()
    with pytest.raises(ConnectorError):  # it makes the customer, and has no invoices without a subscription
        StripeConnector(Outside(GuardedHttpClient(["127.0.0.1"]), memory, FrozenClock()), api=address).send(
            desk.job(LINE)
        )
    [(_, external)] = memory.external_ids
    assert external.external_id.startswith("cus_")
