"""Measurements from a request to an answer, and what is stored, counted and reported then (metering.md 1)."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.fakes.events import FakeEventLog
from tests.fakes.http import Answer, Client
from tests.fakes.organization import Organization
from tests.fakes.queue import FakeQueue
from tests.fakes.usage_log import FakeUsageLog
from usance.application.ingest.directory import Directory
from usance.application.ingest.failure_events import FailureLog
from usance.application.ingest.ports import IngestPorts
from usance.application.lookups.published import PublishedTables
from usance.application.ports.events import EventQuery
from usance.application.ports.usage_log import AggregatedRow, AggregationQuery, UsageScope
from usance.bootstrap.ingest import Ingest
from usance.domain.kernel.errors import UnavailableError
from usance.entrypoints.http import core, ingest

EVENT = Path(__file__).parents[2] / "events" / "ingest_measurements.json"
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
METER = {
    "name": "Requests",
    "code": "requests",
    "dataFields": [
        {"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "tokens"},
        {"category": "WHAT", "code": "model", "name": "Model"},
    ],
    "derivedFields": [],
}


@dataclass
class World:
    """One organization with the meter `requests` and the account `acme`."""

    org: Organization = field(default_factory=Organization)
    usage: FakeUsageLog = field(default_factory=FakeUsageLog)

    def __post_init__(self) -> None:
        self.org.clock.instant = NOW
        self.blobs = self.org.blobs
        self.merges = FakeQueue()
        self.events = FakeEventLog(self.org.clock)
        self.client = Client(self.handler(), self.org.id)
        self.meter = self.org.make("meter", **METER)
        self.account = self.org.make("account", code="acme")

    def handler(self) -> core.Handler:
        """A handler that remembers nothing yet, as a new process."""
        store, clock = self.org.store, self.org.clock
        ports = IngestPorts(
            store, self.usage, FailureLog(self.events, self.blobs), self.blobs, clock, self.org.ids, self.merges
        )
        composed = Ingest(ports, Directory(store, clock, PublishedTables(store, self.blobs, clock)))
        return core.build(ingest.routes(lambda: composed))

    def send(self, *measurements: dict[str, Any]) -> Answer:
        return self.client.post("/measurements", {"measurements": list(measurements)})

    def rows(self, method: str = "SUM", field_: str = "tokens", account: str | None = None) -> list[AggregatedRow]:
        scope = UsageScope(self.org.id, self.meter["id"], account or self.account["id"])
        start, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
        return list(self.usage.aggregate(scope, start, end, [AggregationQuery(method, field_)])[0])

    def total(self, method: str = "SUM", field_: str = "tokens", account: str | None = None) -> Decimal | None:
        rows = self.rows(method, field_, account)
        return rows[0].value if rows else None

    def failures(self) -> list[dict[str, Any]]:
        query = EventQuery({"eventType": "IngestValidationFailure"})
        page = self.events.list_page(self.org.id, query, page_size=100, next_token=None)
        assert all(event["eventName"] == "ingest.validation.failure" for event in page.data)
        return [event["m3terEvent"] for event in page.data]

    def failure_types(self) -> list[str]:
        return sorted(failure["type"] for failure in self.failures())

    def account_id(self, code: str) -> str:
        found = self.org.store.find_unique(self.org.id, "account", "code", code)
        assert found
        return str(found["id"])


@pytest.fixture
def world() -> World:
    return World()


def measurement(**more: Any) -> dict[str, Any]:
    """A measurement that can be ingested; `more` replaces members, and removes those given as None."""
    whole = {
        "uid": "u1",
        "meter": "requests",
        "account": "acme",
        "ts": "2026-01-15T11:00:00Z",
        "what": {"model": "small"},
        "measure": {"tokens": 10},
        **more,
    }
    return {name: value for name, value in whole.items() if value is not None}


def test_the_event_file_is_accepted(world: World) -> None:
    event = json.loads(EVENT.read_text(encoding="utf-8"))
    event["rawPath"] = f"/organizations/{world.org.id}/measurements"
    event["requestContext"]["authorizer"]["lambda"]["orgId"] = world.org.id
    answer = world.handler()(event, None)
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"result": "accepted"})


def test_measurements_are_accepted_and_counted(world: World) -> None:
    answer = world.send(measurement(), measurement(uid="u2", measure={"tokens": Decimal("0.1")}))
    assert (answer.status, answer.json) == (200, {"result": "accepted"})
    assert world.total() == Decimal("10.1")
    assert world.failures() == []


def test_a_failure_is_among_the_events_of_its_account_where_there_is_one(world: World) -> None:
    unknown = {"meter": "nowhere", "account": "nobody"}
    world.send(measurement(measure=None), measurement(uid="u2", meter="nowhere"), measurement(uid="u3", **unknown))
    query = EventQuery({"accountId": world.account["id"]})
    page = world.events.list_page(world.org.id, query, page_size=100, next_token=None)
    assert sorted(event["m3terEvent"]["type"] for event in page.data) == ["MissingField", "UndefinedMeter"]
    assert len(world.failures()) == 3
    assert world.org.store.find_unique(world.org.id, "account", "code", "nobody") is None


def test_a_request_sent_again_changes_nothing(world: World) -> None:
    for _ in range(3):
        assert world.send(measurement(), measurement(uid=None), measurement(uid=None)).status == 200
        world.org.clock.advance(hours=1)
    assert world.total() == 30


def test_a_uid_sent_again_in_other_company_counts_once(world: World) -> None:
    world.send(measurement(), measurement(uid="u2"))
    world.org.clock.advance(seconds=1)
    world.send(measurement(uid="u3"), measurement(measure={"tokens": 99}, ts="2025-12-31T00:00:00Z"))
    assert world.total() == 30


def test_a_uid_twice_in_one_request_counts_first_and_is_reported(world: World) -> None:
    world.send(measurement(), measurement(measure={"tokens": 7}))
    assert world.total() == 10
    assert world.failure_types() == ["DuplicateUid"]


def test_measurements_without_uid_all_count(world: World) -> None:
    world.send(*[measurement(uid=None)] * 4)
    assert world.total() == 40


def test_equal_requests_without_uid_count_once_and_others_each(world: World) -> None:
    """Our choice: a request that is sent again after a lost answer is not told from one that was meant apart."""
    for _ in range(2):
        world.send(measurement(uid=None), measurement(uid=None))
    assert world.total() == 20
    world.send(measurement(uid=None, measure={"tokens": 11}), measurement(uid=None))
    assert world.total() == 41


def test_a_negative_value_corrects(world: World) -> None:
    world.send(measurement(measure={"tokens": 120}), measurement(uid="u2", measure={"tokens": -20}))
    assert world.total() == 100


@pytest.mark.parametrize("ts", ["2026-01-15T11:00:00", "2026-01-15T12:00:00.000000+01:00", "2026-01-15T12:00:59Z"])
def test_naive_and_offset_and_slightly_early_timestamps_are_accepted(world: World, ts: str) -> None:
    assert world.send(measurement(ts=ts)).status == 200
    assert world.total() == 10


def test_the_first_instant_that_questions_and_exports_can_ask_for_is_accepted(world: World) -> None:
    assert world.send(measurement(ts="1900-01-01T00:00:00Z")).status == 200


@pytest.mark.parametrize("ts", ["2025-12-31T23:59:59.9999996Z", "2026-01-01T00:59:59.999999999+01:00"])
def test_digits_beyond_microseconds_are_cut_so_that_no_measurement_moves_into_the_next_month(
    world: World, ts: str
) -> None:
    world.send(measurement(), measurement(uid="u2", ts=ts, ets=ts, what={"model": "at 00:00:00.9999999Z"}))
    assert {month for _, month, _ in world.usage.batches} == {"2025-12", "2026-01"}
    rows = world.usage.aggregate(
        UsageScope(world.org.id, world.meter["id"], world.account["id"]),
        datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=UTC),
        [AggregationQuery("SUM", "tokens", ("model",))],
    )[0]
    assert [(row.group["model"], row.value) for row in rows] == [("at 00:00:00.9999999Z", 10)]


def test_a_request_that_spans_months_is_kept_by_month(world: World) -> None:
    world.send(*[measurement(uid=str(month), ts=f"2025-{month:02d}-01T00:00:00Z") for month in range(1, 13)])
    assert {month for _, month, _ in world.usage.batches} == {f"2025-{month:02d}" for month in range(1, 13)}
    assert world.total("COUNT") == 12


BAD_VALUES: list[tuple[Any, str]] = [
    ({"ts": "2026-01-15T12:01:01Z"}, "measurements[0].ts is more than 60 seconds in the future"),
    ({"ts": None}, "measurements[0].ts is required"),
    ({"ts": "yesterday"}, "measurements[0].ts: must be a date-time"),
    ({"ts": "2026-02-30T00:00:00Z"}, "measurements[0].ts"),
    ({"ts": 5}, "measurements[0].ts"),
    ({"ts": "0001-01-01T00:00:00+05:00"}, "measurements[0].ts lies before the year 1900"),
    ({"ts": "1900-01-01T00:00:00+01:00"}, "measurements[0].ts lies before the year 1900"),
    ({"ets": "2026-01-15T10:00:00Z"}, "measurements[0].ets must not lie before ts"),
    ({"ets": "9999-12-31T23:00:00-05:00"}, "measurements[0].ets"),
    ({"ets": "soon"}, "measurements[0].ets"),
    ({"meter": None}, "measurements[0].meter is required"),
    ({"meter": ""}, "measurements[0].meter"),
    ({"meter": 5}, "measurements[0].meter"),
    ({"meter": "m" * 81}, "measurements[0].meter"),
    ({"account": None}, "measurements[0].account is required"),
    ({"account": "a" * 81}, "measurements[0].account"),
    ({"uid": "u" * 51}, "measurements[0].uid"),
    ({"uid": 5}, "measurements[0].uid"),
    ({"uid": ""}, "measurements[0].uid"),
    ({"what": []}, "measurements[0].what"),
    ({"what": {"model": 5}}, "measurements[0].what.model"),
    ({"what": {"model": "x" * 1025}}, "measurements[0].what.model"),
    ({"what": {"m" * 81: "x"}}, "measurements[0].what.mmm"),
    ({"metadata": {"ok": "x", "note": "x" * 257}}, "measurements[0].metadata.note"),
    ({"measure": {"tokens": "10"}}, "measurements[0].measure.tokens must be a number"),
    ({"measure": {"tokens": True}}, "measurements[0].measure.tokens must be a number"),
    ({"measure": {"tokens": [1]}}, "measurements[0].measure.tokens must be a number"),
    ({"measure": 5}, "measurements[0].measure"),
    ({"measure": {"tokens": 10**38}}, "measurements[0].measure.tokens must be a number of at most 38 digits"),
    ({"measure": {"m" * 81: 1}}, "measurements[0].measure.mmm"),
    ({"cost": {"fee": Decimal("1e-39")}}, "measurements[0].cost.fee"),
    ({"income": {"fee": Decimal("1E+400")}}, "measurements[0].income.fee"),
]


@pytest.mark.parametrize(("change", "message"), BAD_VALUES, ids=[f"{change}"[:40] for change, _ in BAD_VALUES])
def test_a_bad_measurement_refuses_the_whole_request_by_the_name_of_its_field(
    world: World, change: dict[str, Any], message: str
) -> None:
    answer = world.send(measurement(**change), measurement(uid="good"))
    assert answer.status == 400
    assert message in answer.message
    later = world.send(measurement(uid="good"), measurement(**change))
    assert message.replace("[0]", "[1]") in later.message
    assert not world.usage.batches
    assert not world.failures()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[]", "the body: must be an object"),
        ("{}", "measurements is required"),
        ('{"measurements": null}', "measurements: must be an array"),
        ('{"measurements": []}', "must have 1 to 1000 items"),
        ('{"measurements": [5]}', "measurements[0]: must be an object"),
        ('{"measurements": [{"measure": {"x": NaN}}]}', "not valid JSON"),
        ('{"measurements": [{"measure": {"x": Infinity}}]}', "not valid JSON"),
        ('{"measurements": [' + "[" * 100_000 + "]" * 100_000 + "]}", "the body"),
    ],
)
def test_a_malformed_body_is_refused(world: World, body: str, message: str) -> None:
    answer = world.client.call("POST", "/measurements", body)
    assert answer.status == 400
    assert message in answer.message or "measurements" in answer.message


@pytest.mark.parametrize("number", ["1e400", "1e99999999999999999999", "9" * 39, "9" * 4_000])
def test_huge_numbers_are_refused_by_name(world: World, number: str) -> None:
    text = json.dumps({"measurements": [measurement(measure={"tokens": 0})]}).replace("0}", f"{number}}}")
    answer = world.client.call("POST", "/measurements", text)
    assert answer.status == 400
    assert "measurements[0].measure.tokens must be a number" in answer.message


def test_a_thousand_measurements_pass_and_one_more_does_not(world: World) -> None:
    many = [measurement(uid=str(number)) for number in range(1_001)]
    refused = world.send(*many)
    assert refused.status == 400
    assert "must have 1 to 1000 items" in refused.message
    assert world.send(*many[:1_000]).status == 200
    assert world.total() == 10_000


def test_a_body_over_the_limit_is_forbidden(world: World) -> None:
    answer = world.send(measurement(what={"model": "small", "padding": "x" * 600_000}))
    assert answer.status == 403


def test_another_organization_is_forbidden(world: World) -> None:
    answer = world.client.call("POST", "/measurements", {"measurements": []}, org=world.org.other_id)
    assert answer.status == 403


def test_a_caller_without_the_permission_is_forbidden(world: World) -> None:
    world.client.statements = [{"effect": "allow", "action": ["config:retrieve"], "resource": ["*"]}]
    assert world.send(measurement()).status == 403
    assert world.client.get("/measurements/failedIngest/getDownloadUrl", file="x").status == 403


def test_unknown_members_and_fields_are_ignored(world: World) -> None:
    answer = world.send(measurement(extra={"a": [1]}, measure={"tokens": 1, "unknown": 2}, other={"free": "text"}))
    assert answer.status == 200
    assert world.total() == 1
    assert world.failures() == []


def test_what_cannot_be_ingested_is_reported_and_the_rest_is_kept(world: World) -> None:
    answer = world.send(
        measurement(uid="good"),
        measurement(uid="no-meter", meter="unknown"),
        measurement(uid="no-field", measure=None),
        measurement(uid="wrong-category", measure=None, cost={"tokens": 5}),
        measurement(uid="twice", income={"tokens": 5}),
        measurement(uid="near", account="ACME"),
        measurement(uid="space", account=" acme"),
        measurement(uid="control", account="a\nb"),
    )
    assert answer.status == 200
    assert world.total() == 10
    assert world.failure_types() == [
        "DuplicateField",
        "InvalidAccountCode",
        "InvalidAccountCode",
        "InvalidAccountCode",
        "MissingField",
        "MissingField",
        "UndefinedMeter",
    ]
    missing = next(failure for failure in world.failures() if failure["uid"] == "no-field")
    assert missing["message"] == "fields of the meter are missing: measure.tokens"
    assert (missing["meter"], missing["account"]) == ("requests", "acme")


def test_a_failure_is_reported_once_however_often_it_is_sent(world: World) -> None:
    for _ in range(3):
        world.send(measurement(meter="unknown"))
        world.send(measurement(uid="other"), measurement(meter="unknown"))
    assert len(world.failures()) == 1


def test_failures_without_uid_are_reported_one_by_one_and_once_however_often_they_are_sent(world: World) -> None:
    for _ in range(2):
        world.send(*[measurement(uid=None, meter="unknown")] * 3)
    assert len(world.failures()) == 3
    world.send(measurement(), measurement(uid=None, meter="unknown"))
    assert len(world.failures()) == 4


def test_the_file_of_a_failure_holds_the_reason_and_the_original(world: World) -> None:
    number = Decimal("1.2345678901234567890123456789012345678")
    world.send(measurement(meter="unknown", measure={"tokens": number}, extra="kept"))
    link = urlsplit(world.failures()[0]["getDownloadUrl"])
    assert (link.scheme, link.netloc) == ("https", "api.example.com")
    assert link.path == f"/organizations/{world.org.id}/measurements/failedIngest/getDownloadUrl"
    file = parse_qs(link.query)["file"][0]
    answer = world.client.get("/measurements/failedIngest/getDownloadUrl", file=file)
    assert answer.status == 200
    body, _ = world.blobs.fetch(answer.json["url"])
    kept = json.loads(body, parse_float=Decimal)
    assert kept["errors"] == [{"type": "UndefinedMeter", "message": "there is no meter with the code 'unknown'"}]
    assert kept["measurement"]["measure"]["tokens"] == number
    assert kept["measurement"]["extra"] == "kept"
    assert "expires=300" in answer.json["url"]


def test_a_file_is_made_when_it_is_asked_for_unless_it_is_large(world: World) -> None:
    world.send(measurement(uid="small", meter="unknown"), measurement(uid="large", meter="unknown", extra="x" * 9_000))
    assert len(world.blobs.objects) == 1
    files = [parse_qs(urlsplit(one["getDownloadUrl"]).query)["file"][0] for one in world.failures()]
    for _ in range(2):
        urls = [world.client.get("/measurements/failedIngest/getDownloadUrl", file=file).json["url"] for file in files]
    assert set(world.blobs.objects) == set(files)
    kept = [json.loads(world.blobs.fetch(url)[0])["measurement"]["uid"] for url in urls]
    assert set(kept) == {"small", "large"}


def test_files_of_others_and_files_that_are_not_there_are_not_found(world: World) -> None:
    world.blobs.put(f"{world.org.other_id}/failed-ingest/a.json", b"{}", "application/json")
    world.blobs.put(f"{world.org.id}/statements/a.json", b"{}", "application/json")
    own = f"{world.org.id}/failed-ingest"
    for file in (
        f"{world.org.other_id}/failed-ingest/a.json",
        f"{own}/../../{world.org.other_id}/failed-ingest/a.json",
        f"{world.org.id}/statements/a.json",
        f"{own}/00000000-0000-8000-8000-000000000000.json",
        f"{own}/missing.json",
        f"{own}/{'x' * 2_000}",
        f"{own}/{'ü' * 600}.json",
    ):
        assert world.client.get("/measurements/failedIngest/getDownloadUrl", file=file).status == 404
    assert world.client.get("/measurements/failedIngest/getDownloadUrl").status == 400


def test_an_unknown_account_is_created_once(world: World) -> None:
    world.send(measurement(account="TempAcct"), measurement(uid="u2", account="TempAcct"))
    world.client = Client(world.handler(), world.org.id)
    world.send(measurement(uid="u3", account="TempAcct"))
    account = world.org.store.find_unique(world.org.id, "account", "code", "TempAcct")
    assert account
    assert account["name"] == "TempAcct-autocreated"
    assert account["emailAddress"].endswith("-autocreated@example.com")
    assert account["version"] == 1
    assert account["createdBy"].startswith("SERVICE_USER_")
    assert world.total(account=account["id"]) == 30
    assert world.org.client.get("/accounts", codes="TempAcct").json["data"][0]["id"] == account["id"]


def test_no_account_is_created_for_what_cannot_be_ingested(world: World) -> None:
    world.send(measurement(account="fresh", measure=None), measurement(account="fresh", meter="unknown"))
    assert world.org.store.find_unique(world.org.id, "account", "code", "fresh") is None


def test_of_similar_new_codes_the_first_gets_an_account(world: World) -> None:
    world.send(measurement(account="Zeta"), measurement(account="zeta"), measurement(account="ZETA"))
    assert world.failure_types() == ["InvalidAccountCode", "InvalidAccountCode"]
    assert world.total(account=world.account_id("Zeta")) == 10


def test_a_meter_and_an_account_made_after_a_refusal_are_seen_at_once(world: World) -> None:
    world.send(measurement(meter="later"))
    meter = world.org.make("meter", **{**METER, "code": "later"})
    world.send(measurement(uid="u2", meter="later"))
    world.meter = meter
    assert world.total() == 10


def change_meter(world: World, **change: Any) -> None:
    answer = world.org.client.put(f"/meters/{world.meter['id']}", {**METER, "version": 1, **change})
    assert answer.status == 200


def test_a_field_that_a_meter_no_longer_has_is_not_missed(world: World) -> None:
    world.send(measurement())
    change_meter(world, dataFields=METER["dataFields"][:1])
    world.send(measurement(uid="u2", what=None), measurement(uid="u3", account="fresh", what=None))
    assert world.failures() == []
    assert (world.total(), world.total(account=world.account_id("fresh"))) == (20, 10)


def test_a_request_sent_again_once_its_meter_is_right_counts_whole(world: World) -> None:
    request = [measurement(uid=None), measurement(uid="u2", what=None)]
    world.send(*request)
    assert (world.total(), world.failure_types()) == (10, ["MissingField"])
    change_meter(world, dataFields=METER["dataFields"][:1])
    world.org.clock.advance(seconds=10)
    world.send(*request)
    assert world.total() == 20


def test_a_field_that_a_meter_has_just_got_is_kept_at_once(world: World) -> None:
    world.send(measurement())
    change_meter(
        world,
        dataFields=[*METER["dataFields"], {"category": "COST", "code": "fee", "name": "Fee", "unit": "USD"}],
    )
    world.send(measurement(uid="u2", cost={"fee": 3}))
    assert world.total(field_="fee") == 3


def test_a_meter_deleted_meanwhile_is_undefined_to_what_does_not_fit_it(world: World) -> None:
    world.send(measurement())
    assert world.org.client.delete(f"/meters/{world.meter['id']}").status == 200
    world.send(measurement(uid="u2", what=None))
    assert world.failure_types() == ["UndefinedMeter"]


def test_a_changed_calculation_is_used_after_ten_seconds(world: World) -> None:
    doubled = {"category": "MEASURE", "code": "doubled", "name": "Doubled", "unit": "u", "calculation": "tokens * 2"}
    world.send(measurement())
    change_meter(world, derivedFields=[doubled])
    world.send(measurement(uid="u2"))
    assert world.total(field_="doubled") is None
    world.org.clock.advance(seconds=10)
    world.send(measurement(uid="u3"))
    assert world.total(field_="doubled") == 20


def derived(calculations: dict[str, str]) -> list[dict[str, Any]]:
    """Derived numbers, by code."""
    return [
        {"category": "MEASURE", "code": code, "name": code, "unit": "u", "calculation": calculation}
        for code, calculation in calculations.items()
    ]


def test_derived_fields_are_computed_from_fields_custom_fields_and_times(world: World) -> None:
    product = world.org.make("product", customFields={"factor": 3})
    world.org.client.put(
        "/customfields", {"version": 1, "meter": {"base": 5}, "account": {"rate": 2}, "product": {"factor": 1}}
    )
    world.org.make("account", code="special", customFields={"rate": 4})
    calculations = {
        "doubled": "tokens * account.rate",
        "factored": "tokens * product.factor + meter.base",
        "second": "timestamp.ts / 1000 % 60",
        "lag": "(timestamp.receivedAt - timestamp.ts) / 1000",
    }
    fields = derived(calculations)
    fields.append({"category": "WHAT", "code": "key", "name": "key", "calculation": 'model + "/" + account.code'})
    world.meter = world.org.make(
        "meter", **{**METER, "code": "derived", "productId": product["id"], "derivedFields": fields}
    )
    world.send(
        measurement(uid="a", meter="derived", ts="2026-01-15T11:59:42Z"),
        measurement(uid="b", meter="derived", account="special"),
    )
    assert world.failures() == []
    assert (world.total("SUM", "doubled"), world.total("SUM", "factored")) == (20, 35)
    assert (world.total("SUM", "second"), world.total("SUM", "lag"), world.total("UNIQUE", "key")) == (42, 18, 1)
    assert world.total("SUM", "doubled", world.account_id("special")) == 40


def table(world: World, code: str, fields: dict[str, str], keys: list[str], *items: dict[str, Any]) -> str:
    """A lookup table with a published revision; answers where the revision is."""
    table_id = world.org.make("lookupTable", code=code)["id"]
    path = f"/lookuptables/{table_id}/revisions"
    body = {"name": "1", "fields": [{"name": name, "type": type_} for name, type_ in fields.items()], "keys": keys}
    revision = world.org.client.post(path, body).json
    place = f"{path}/{revision['id']}"
    assert world.org.client.put(f"{place}/data", {"items": list(items)}).status == 200
    assert world.org.client.put(f"{place}/status", {"status": "PUBLISHED", "version": 1}).status == 200
    return place


def test_derived_fields_look_values_up(world: World) -> None:
    rates = {"model": "STRING", "level": "NUMBER", "rate": "NUMBER", "tier": "STRING"}
    row = {"model": "large", "level": 1, "rate": Decimal("0.8"), "tier": "gold"}
    place = table(world, "rates", rates, ["model", "level"], row, {**row, "level": 2, "rate": 3})
    table(world, "known", {"account": "STRING", "on": "NUMBER"}, ["account"], {"account": "acme", "on": 1})
    calculations = {
        "scaled": 'tokens * Lookup.findNumber("rates", "rate", 1, "model", 1)',
        "other": 'Lookup.findNumber("rates", "rate", 7, "small", 1)',
        "none": 'Lookup.findNumber("nowhere", "rate", 5, model)',
        "known": 'Lookup.exists("known", account.code) ? 1 : 0',
    }
    fields = derived(calculations)
    tier = 'Lookup.findString("rates", "tier", "none", model, 2)'
    fields.append({"category": "WHAT", "code": "tier", "name": "tier", "calculation": tier})
    world.meter = world.org.make("meter", **{**METER, "code": "derived", "derivedFields": fields})
    world.send(measurement(uid="a", meter="derived", measure={"tokens": 50}, what={"model": "large"}))
    assert world.failures() == []
    assert {name: world.total("SUM", name) for name in calculations} == {
        "scaled": 40,
        "other": 7,
        "none": 5,
        "known": 1,
    }
    scope = UsageScope(world.org.id, world.meter["id"], world.account["id"])
    by_tier = AggregationQuery("COUNT", "tokens", group_by=("tier",))
    [rows] = world.usage.aggregate(scope, NOW - timedelta(days=1), NOW + timedelta(days=1), [by_tier])
    assert [row.group["tier"] for row in rows] == ["gold"]
    assert world.org.client.put(f"{place}/status", {"status": "ARCHIVED", "version": 2}).status == 200
    world.org.clock.instant += timedelta(seconds=11)
    world.send(measurement(uid="b", meter="derived", measure={"tokens": 50}, what={"model": "large"}))
    assert world.total("SUM", "scaled") == 90


def test_a_calculation_that_fails_is_reported_and_the_measurement_kept(world: World) -> None:
    fields = [
        {"category": "MEASURE", "code": "ratio", "name": "r", "unit": "u", "calculation": "1 / tokens"},
        {"category": "WHAT", "code": "label", "name": "l", "calculation": "tokens"},
        {"category": "MEASURE", "code": "word", "name": "w", "unit": "u", "calculation": "model"},
        {"category": "MEASURE", "code": "custom", "name": "c", "unit": "u", "calculation": "account.unknown + 1"},
    ]
    world.meter = world.org.make("meter", **{**METER, "code": "derived", "derivedFields": fields})
    world.send(measurement(meter="derived", measure={"tokens": 0}), measurement(uid="b", meter="derived"))
    assert world.failure_types() == ["CalculationError"] * 7
    assert world.total("COUNT") == 2
    assert world.total("SUM", "ratio") == Decimal("0.1")
    assert world.total("COUNT", "label") == 0
    message = next(failure["message"] for failure in world.failures() if "ratio" in failure["message"])
    assert message == "the derived field ratio has no value: / divides by zero"


def test_one_small_request_in_so_many_asks_for_merging(world: World) -> None:
    for number in range(400):
        world.send(measurement(uid=str(number)))
    asked = world.merges.sent
    assert 1 <= len(asked) <= 20
    scope = {"orgId": world.org.id, "meterId": world.meter["id"], "accountId": world.account["id"], "month": "2026-01"}
    assert all(message == (scope, 900) for message in asked)


def test_a_large_request_asks_for_nothing(world: World) -> None:
    for start in range(0, 30_000, 300):
        world.send(*(measurement(uid=str(start + number)) for number in range(300)))
    assert world.merges.sent == []


def test_what_is_stored_is_stored_although_merging_cannot_be_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise UnavailableError("busy")

    monkeypatch.setattr(world.merges, "send", refuse)
    assert {world.send(measurement(uid=str(number))).status for number in range(200)} == {200}
    assert world.total("COUNT") == 200


def test_a_store_that_gives_up_half_way_answers_503_and_a_retry_completes(world: World) -> None:
    world.usage.failures = 1
    sent = [measurement(uid=str(number), ts=f"2025-{number:02d}-01T00:00:00Z") for number in range(1, 13)]
    broken = measurement(meter="unknown")
    assert world.send(*sent, broken).status == 503
    assert world.send(*sent, broken).status == 200
    assert world.send(*sent, broken).status == 200
    assert world.total() == 120
    assert len(world.failures()) == 1


def test_usage_received_36_days_later_counts_again(world: World) -> None:
    world.send(measurement(uid="a"))
    world.org.clock.advance(days=36)
    world.send(measurement(uid="a", ts=(NOW + timedelta(days=35)).isoformat()))
    assert world.total() == 20
