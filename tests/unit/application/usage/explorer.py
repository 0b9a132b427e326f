"""An organization whose usage is asked about."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.fakes.http import Client
from tests.fakes.organization import Organization
from tests.fakes.usage_log import FakeUsageLog
from usance.application.ports.usage_log import UsageBatch, UsageScope
from usance.application.usage.ports import UsagePorts
from usance.domain.metering.columns import Columns
from usance.domain.metering.instants import microseconds, month_of
from usance.entrypoints.http import core, usage

START, END = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
RECEIVED = datetime(2026, 2, 1, tzinfo=UTC)


@dataclass
class Explorer:
    """An organization with a meter of `tokens` by `region` and `user`, and its usage."""

    org: Organization = field(default_factory=Organization)
    log: FakeUsageLog = field(default_factory=FakeUsageLog)
    sent: int = 0

    def __post_init__(self) -> None:
        self.client = Client(core.build(usage.routes(lambda: UsagePorts(self.org.store, self.log))), self.org.id)
        self.meter = self.new_meter("calls")
        self.accounts = [self.org.make("account") for _ in range(3)]

    def new_meter(self, code: str, *more: str) -> dict[str, Any]:
        fields = [
            {"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "1"},
            {"category": "WHERE", "code": "region", "name": "Region"},
            {"category": "METADATA", "code": "user", "name": "User"},
            *({"category": "WHAT", "code": code, "name": code} for code in more),
        ]
        return self.org.make("meter", code=code, dataFields=fields, derivedFields=[])

    def use(self, account: int, ts: str, tokens: Any, region: str = "eu", user: str = "u", **more: Any) -> None:
        """A measurement, received after those before."""
        self.sent += 1
        at = microseconds(datetime.fromisoformat(ts))
        texts: dict[str, list[str | None]] = {"region": [region], "user": [user]}
        if "tier" in more:
            texts["tier"] = [more["tier"]]
        columns = Columns([f"uid-{self.sent}"], [at], [None], {"tokens": [tokens]}, texts)
        meter = more.get("meter", self.meter)
        scope = UsageScope(self.org.id, meter["id"], self.accounts[account]["id"])
        received = RECEIVED.replace(microsecond=self.sent)
        self.log.append([UsageBatch(scope, month_of(at), f"{self.sent:032x}", received, columns)])

    def ask(self, **query: Any) -> dict[str, Any]:
        answer = self.client.post("/usage/query", {"startDate": START, "endDate": END, **query})
        assert answer.status == 200, answer.text
        return dict(answer.json)

    def rows(self, **query: Any) -> list[dict[str, Any]]:
        return list(self.ask(**query)["data"])

    def refusal(self, **query: Any) -> str:
        answer = self.client.post("/usage/query", {"startDate": START, "endDate": END, **query})
        assert answer.status == 400, answer.text
        return answer.message

    def of(self, function: str, code: str = "tokens", **more: Any) -> dict[str, Any]:
        meter = more.get("meter", self.meter)
        type_ = "MEASURE" if code == "tokens" else "DIMENSION"
        return {"meterId": meter["id"], "fieldCode": code, "fieldType": type_, "function": function}

    def aggregation(self, code: str, method: str = "SUM", **more: Any) -> dict[str, Any]:
        """An aggregation of the meter."""
        return self.org.make("aggregation", code=code, **{"meterId": self.meter["id"], "aggregation": method, **more})

    def compound(self, code: str, calculation: str, **more: Any) -> dict[str, Any]:
        """A compound aggregation."""
        fixed = {"rounding": "NONE", "quantityPerUnit": 1, "unit": "1"}
        return self.org.make("compoundAggregation", code=code, calculation=calculation, **{**fixed, **more})

    def by(self, code: str) -> dict[str, Any]:
        return {"groupType": "DIMENSION", "meterId": self.meter["id"], "fieldCode": code}

    def only(self, code: str, *values: str) -> dict[str, Any]:
        return {"meterId": self.meter["id"], "fieldCode": code, "values": list(values)}
