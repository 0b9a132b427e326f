"""An organization moves to another deployment, which dies on the way: it is the same there, and bills the same."""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import aws, store
from local.testing import RunningStack, running_stack
from tests.crash.conftest import PRICE, Crashing
from tests.crash.proxy import Call, CuttingProxy, Trap
from tests.crash.test_ingest import measurements
from usance.entrypoints.command import main
from usance.resources.registry import REGISTRY
from usance.resources.resource import Verb

STAMPS = re.compile(r'"(createdDate|lastCalculatedDate|dtCreated|dtLastModified|recordId|billJobId)": ?"[^"]*"')
WEBHOOK = {
    "name": "Finance",
    "description": "The finance system",
    "code": "finance",
    "url": "https://1.1.1.1/hook",
    "credentials": {"type": "M3TER_SIGNED_REQUEST", "apiKey": "finance", "secret": "hush-hush"},
}


class Client:
    """Calls one organization of a stack by an access key that may be another stack's."""

    def __init__(self, stack: RunningStack, credentials: Mapping[str, str]) -> None:
        self.stack, self.org_id = stack, credentials["org_id"]
        basic = base64.b64encode(f"{credentials['api_key']}:{credentials['api_secret']}".encode()).decode()
        self._http = httpx.Client(base_url=stack.base_url, trust_env=False, timeout=60)
        asked = {"grant_type": "client_credentials"}
        answer = self._http.post("/oauth/token", json=asked, headers={"Authorization": f"Basic {basic}"})
        self._http.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"

    def close(self) -> None:
        self._http.close()

    def text(self, path: str, **query: Any) -> str:
        """The answer as it came."""
        answer = self._http.get(f"/organizations/{self.org_id}{path}", params=query)
        assert answer.status_code == 200, f"{path}: {answer.text}\n{self.stack.log()}"
        return answer.text

    def post(self, path: str, body: Any = None) -> Any:
        answer = self._http.post(f"/organizations/{self.org_id}{path}", json=body)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.json()

    def belongings(self) -> dict[str, str]:
        """Every list of the API, every bill with its lines, its statement and where its figures come from, as text."""
        lists = [f"/{row.path}" for row in REGISTRY if Verb.LIST in row.verbs and not row.within]
        lists += ["/bills", "/events", "/billjobs", "/organizationconfig", "/customfields", "/billconfig", "/users/me"]
        query = {"pageSize": 100}
        found = {
            path: self.text(path, **({} if path.rstrip("s").endswith(("config", "field", "me")) else query))
            for path in lists
            if path != "/counteradjustments"  # asks for a counter
        }
        for bill in self.bills():
            found[bill] = self.text(f"/bills/{bill}")
            for kind in ("record", "statement/json"):
                found[f"{bill} {kind}"] = self.file(f"/bills/{bill}/{kind}")
        return found

    def file(self, path: str) -> str:
        """The file that an answer leads to."""
        (url,) = [value for value in json.loads(self.text(path)).values() if str(value).startswith("http")]
        answer = httpx.get(url, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.content.hex()

    def bills(self) -> list[str]:
        return [bill["id"] for bill in json.loads(self.text("/bills", pageSize=100))["data"]]

    def bill(self, last_day: str, stack: RunningStack) -> dict[str, str]:
        """Bill every account up to a day; the bills by id, without what tells when they were calculated."""
        job = self.post("/billjobs", {"billingFrequency": "MONTHLY", "lastDateInBillingPeriod": last_day})["id"]
        assert stack.settle()
        assert '"COMPLETE"' in self.text(f"/billjobs/{job}")
        return {bill: STAMPS.sub("", self.text(f"/bills/{bill}")) for bill in self.bills()}


@pytest.fixture
def target(tmp_path: Path) -> Iterator[tuple[RunningStack, CuttingProxy]]:
    """Another deployment, with a line to its store that can be cut."""
    folder = tmp_path / "target"

    @cache
    def endpoint() -> str:
        live = store.find(folder / "data")
        assert live is not None
        return live.endpoint

    proxy = CuttingProxy(endpoint)
    proxy.start()
    with (
        ExitStack() as cleanup,
        running_stack(folder, arguments=["--functions-endpoint", proxy.url]) as stack,
    ):
        cleanup.callback(proxy.stop)
        yield stack, proxy


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """What a test opens, and leaves to be closed."""
    with ExitStack() as stack:
        yield stack


def all_rows_are_of(org_id: str, stack: RunningStack) -> bool:
    """Whether the tables hold nothing that a backup of their only organization would forget."""
    dynamodb = aws.client("dynamodb", stack.store_endpoint)
    with closing(dynamodb):
        keys = [
            row["pk"]["S"]
            for table in ("EntitiesTable", "UsageTable", "EventsTable")
            for page in dynamodb.get_paginator("scan").paginate(TableName=f"usance-{table}")
            for row in page["Items"]
        ]
    return len(keys) > 50 and all(key.startswith((f"{org_id}#", "-#organization", "-#accessKey")) for key in keys)


def puts_back(call: Call) -> bool:
    return b"RequestItems" in call.body and b"PutRequest" in call.body


def test_an_organization_is_exported_and_imported_elsewhere_and_is_the_same(
    crashing: Crashing,
    make_account: Callable[[str], str],
    target: tuple[RunningStack, CuttingProxy],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    opened: ExitStack,
) -> None:
    stack, proxy = target
    accounts = [make_account(f"account-{number}") for number in range(3)]
    for number in range(3):
        crashing.call("POST", "/measurements", measurements(f"account-{number}", 0, 10 * (number + 1)))
    crashing.call("POST", "/integrationdestinations/webhooks", WEBHOOK)
    source = opened.enter_context(closing(Client(crashing.stack, crashing.stack.credentials)))
    first = source.bill("2026-01-31", crashing.stack)
    assert len(first) == len(accounts)
    for bill in first:
        source.post("/statementjobs", {"billId": bill})
    assert crashing.stack.settle()

    assert all_rows_are_of(source.org_id, crashing.stack)

    folder, key = tmp_path / "backup", tmp_path / "key"
    words = ["--data-dir", str(crashing.stack.data_dir), "--out", str(folder), "--key-file", str(key)]
    assert main(["export-organization", *words]) == 0, capsys.readouterr()
    assert b"hush-hush" not in b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    words = ["--data-dir", str(stack.data_dir), "--from", str(folder), "--key-file", str(key)]
    proxy.set(trap := Trap(puts_back))
    with ThreadPoolExecutor(1) as pool:
        cut = pool.submit(main, ["import-organization", *words])
        assert trap.sprung.wait(60)
        stack.kill9()
        assert cut.result() != 0
    proxy.set(None)
    stack.start()
    assert main(["import-organization", *words]) == 0, capsys.readouterr()
    assert stack.settle()

    there = opened.enter_context(closing(Client(stack, crashing.stack.credentials)))
    assert there.belongings() == source.belongings()
    assert "hush-hush" in there.text("/integrationdestinations/webhooks")
    for bill in first:
        assert main(["replay", bill, "--data-dir", str(stack.data_dir), "--org", source.org_id]) == 0
    assert main(["import-organization", *words]) == 0  # done before: nothing is done again
    period = ["--first", "2026-01-01", "--last", "2026-01-31", "--org", source.org_id, "--out", str(tmp_path)]
    assert main(["audit", "--data-dir", str(stack.data_dir), *period]) == 0, capsys.readouterr()

    again = [client.bill("2026-02-28", on) for client, on in ((source, crashing.stack), (there, stack))]
    assert again[0] == again[1]
    assert len(again[0]) > len(first)
    totals = sum(Decimal(re.search(r'"billTotal": ?([0-9.]+)', bill)[1]) for bill in first.values())  # type: ignore[index]
    assert totals == 60 * PRICE
