"""An external system in memory, and what connectors reach theirs with."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from usance.application.ports.connectors import BillJob, Connection, EntityJob, Sent
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.external_ids import ExternalId
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice
from usance.domain.notifications.delivery import Fault


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was made."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def answer(status: int = 200, document: object = None, **headers: str) -> Answer:
    """An answer with a JSON body; underscores in header names stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, b"" if document is None else json.dumps(document).encode())


@dataclass
class FakeHttpClient:
    """`HttpClient` that keeps what it is asked, and answers in turn or by a function; an exception among them is raised."""

    answers: Sequence[Answer | Exception] | Callable[[Asked], Answer] = ()
    asked: list[Asked] = field(default_factory=list)

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        request = Asked(method, url, dict(headers), body)
        self.asked.append(request)
        if callable(self.answers):
            return self.answers(request)
        given = self.answers[len(self.asked) - 1]
        if isinstance(given, Exception):
            raise given
        return given


@dataclass
class FakeMemory:
    """`Memory` that keeps what it is given."""

    credentials: dict[str, Mapping[str, str]] = field(default_factory=dict)
    invoices: dict[tuple[str, str], str] = field(default_factory=dict)
    external_ids: list[tuple[str, ExternalId]] = field(default_factory=list)

    @contextmanager
    def renewing(self, connection: Connection) -> Iterator[Mapping[str, str] | None]:
        yield self.credentials.get(connection.configuration_id, connection.credentials)

    def keep_credentials(self, connection: Connection, credentials: Mapping[str, str]) -> None:
        self.credentials[connection.configuration_id] = dict(credentials)

    def keep_invoice(self, connection: Connection, invoice: Invoice, external_id: str) -> None:
        self.invoices[connection.configuration_id, invoice.bill_id] = external_id

    def keep_external_id(self, connection: Connection, external: ExternalId) -> None:
        self.external_ids.append((connection.configuration_id, external))


@dataclass
class FakeSystem:
    """An external system with a connector: invoices by their ids, and what fails in turn before anything works again."""

    invoices: dict[str, dict[str, Any]] = field(default_factory=dict)
    entities: list[EntityJob] = field(default_factory=list)
    failures: list[ConnectorError] = field(default_factory=list)
    calls: list[tuple[str, BillJob]] = field(default_factory=list)

    def send(self, job: BillJob) -> Sent:
        self._called("send", job)
        if job.known.of("Account", job.invoice.account_id) is None:
            raise ConnectorError(Fault.ACCOUNT_NOT_MAPPED, f"map the account {job.invoice.account_id}")
        id_ = job.external_id or self._made_before(job) or f"inv_{len(self.invoices) + 1}"
        self.invoices[id_] = {
            "key": job.idempotency_key,
            "total": job.invoice.total,
            "revision": job.invoice.revision,
            "lines": [(line.description, line.amount) for line in job.invoice.lines],
            "status": "open" if job.invoice.approved else "draft",
        }
        return Sent(id_, f"https://fake.example/{id_}")

    def void(self, job: BillJob) -> None:
        self._called("void", job)
        id_ = job.external_id or self._made_before(job)
        if id_:
            self.invoices[id_]["status"] = "void"

    def deliver(self, job: EntityJob) -> Sent | None:
        if self.failures:
            raise self.failures.pop(0)
        self.entities.append(job)
        return Sent(job.external_id or f"ext_{job.entity['id']}")

    def _called(self, method: str, job: BillJob) -> None:
        self.calls.append((method, job))
        if self.failures:
            raise self.failures.pop(0)

    def _made_before(self, job: BillJob) -> str | None:
        return next((id_ for id_, one in self.invoices.items() if one["key"] == job.idempotency_key), None)
