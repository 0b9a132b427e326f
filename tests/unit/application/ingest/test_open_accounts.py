"""Accounts made by measurements: one per code, whoever else is at it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from tests.fakes.blobs import FakeBlobStore
from tests.fakes.clock import CountingIds, FrozenClock
from tests.fakes.entities import FakeEntityRepository
from tests.fakes.events import FakeEventLog
from tests.fakes.queue import FakeQueue
from tests.fakes.usage_log import FakeUsageLog
from usance.application.ingest import directory as directory_module
from usance.application.ingest.directory import Directory
from usance.application.ingest.failure_events import FailureLog
from usance.application.ingest.open_accounts import open_accounts
from usance.application.ingest.ports import IngestPorts
from usance.application.lookups.published import PublishedTables
from usance.application.ports.entities import Delete, Put
from usance.domain.access import Caller
from usance.domain.kernel.errors import UnavailableError

ORG = "org"
CALLER = Caller(ORG, "user", "SERVICE_USER", ())


@dataclass
class Rivalled(FakeEntityRepository):
    """Something happens just before the first commit, and just after."""

    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None
    calls: list[int] = field(default_factory=list)

    def commit(self, org_id: str, changes: Sequence[Put | Delete]) -> None:
        self.calls.append(len(changes))
        if len(self.calls) == 1:
            self.before()
        try:
            super().commit(org_id, changes)
        finally:
            if len(self.calls) == 2:
                self.after()


@pytest.fixture
def entities() -> Rivalled:
    return Rivalled(FrozenClock())


def ports(entities: FakeEntityRepository) -> IngestPorts:
    clock = FrozenClock()
    blobs = FakeBlobStore()
    failures = FailureLog(FakeEventLog(clock), blobs)
    return IngestPorts(entities, FakeUsageLog(), failures, blobs, clock, CountingIds(), FakeQueue())


def account(code: str, id_: str = "rival") -> Put:
    document = {"id": id_, "version": 1, "code": code, "name": code, "customFields": {"rate": 3}}
    return Put("account", document, unique={"code": code}, indexed={"foldedCode": [code.casefold()]})


def test_a_rival_that_creates_the_same_code_wins(entities: Rivalled) -> None:
    entities.before = lambda: entities.commit(ORG, [account("acme")])
    opened = open_accounts(ports(entities), CALLER, ["acme"])
    assert (opened["acme"].id, opened["acme"].custom_fields) == ("rival", {"rate": 3})
    assert len(entities.list_all(ORG, "account", filters={})) == 1


def test_a_rival_that_creates_and_deletes_asks_for_another_try(entities: Rivalled) -> None:
    entities.before = lambda: FakeEntityRepository.commit(entities, ORG, [account("acme")])
    entities.find_unique = lambda *_: None  # type: ignore[method-assign]
    with pytest.raises(UnavailableError, match="send the same again"):
        open_accounts(ports(entities), CALLER, ["acme"])


def test_an_account_made_meanwhile_is_found_by_its_code(entities: Rivalled) -> None:
    entities.commit(ORG, [account("acme")])
    assert open_accounts(ports(entities), CALLER, ["acme"])["acme"].id == "rival"
    assert open_accounts(ports(entities), CALLER, ["Acme"]) == {}


def test_what_a_process_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch, entities: Rivalled) -> None:
    monkeypatch.setattr(directory_module, "ENTRIES_MAX", 2)
    for number in range(5):
        entities.commit(ORG, [account(f"code {number}", f"id {number}")])
    directory = Directory(entities, FrozenClock(), PublishedTables(entities, FakeBlobStore(), FrozenClock()))
    codes = [f"code {number}" for number in range(5)]
    assert [directory.accounts(ORG, codes)[code].id for code in codes] == [f"id {number}" for number in range(5)]
    assert len(directory._entries) <= 2
