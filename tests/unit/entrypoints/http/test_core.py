"""From an event to an answer, whatever the event."""

import base64
from typing import Any

import pytest

from tests.fakes.http import Client
from tests.fakes.organization import Organization
from usance.domain.kernel.errors import (
    ForbiddenError,
    InvalidInputError,
    LimitExceededError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
    UsanceError,
    VersionConflictError,
)
from usance.entrypoints.http import core
from usance.entrypoints.http.routes import Operation, Request, Route, flag, paging

ORG = "11111111-1111-7111-8111-111111111111"
THING = Operation("thing", "A thing", "Things")


def client(handle: Any, path: str = "/organizations/{orgId}/things/{id}", method: str = "GET") -> Client:
    return Client(core.build([Route(method, path, handle, THING)]), ORG)


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (InvalidInputError("x"), 400),
        (UnauthenticatedError("x"), 401),
        (ForbiddenError("x"), 403),
        (NotFoundError("x"), 404),
        (VersionConflictError("x"), 409),
        (LimitExceededError("x"), 429),
        (UnavailableError("x"), 503),
    ],
)
def test_each_refusal_has_its_status(refusal: UsanceError, status: int) -> None:
    def handle(_: Request) -> Any:
        raise refusal

    answer = client(handle).get("/things/1")
    assert answer.status == status
    assert answer.json == {"message": "x", "errorCode": refusal.code}
    assert ("x-should-retry" in answer.headers) is (status == 409)
    assert ("Retry-After" in answer.headers) is (status in {429, 503})


def test_an_answer_is_as_large_as_lambda_lets_it_be_or_refused_with_what_to_do() -> None:
    rows = {"data": ['"' * 1_000] * 1_000}  # each quote takes four bytes: it is escaped in the row, and so is the row
    assert client(lambda _: rows).get("/things/1").status == 200
    answer = client(lambda _: {"data": rows["data"] * 2}).get("/things/1")
    assert (answer.status, answer.json["errorCode"]) == (413, "ANSWER_TOO_LARGE")
    assert "pageSize or limit" in answer.message


def test_a_fault_of_ours_tells_nothing_of_its_cause() -> None:
    def handle(_: Request) -> Any:
        raise RuntimeError("the password is hush")

    answer = client(handle).get("/things/1")
    assert answer.status == 500
    assert "hush" not in answer.text


def test_an_unknown_route_is_404_in_json() -> None:
    answer = client(lambda _: {}).get("/elsewhere")
    assert answer.status == 404
    assert "elsewhere" in answer.message
    assert client(lambda _: {}).post("/things/1").status == 404


def test_the_path_of_another_organization_is_403() -> None:
    answer = client(lambda _: {}).call("GET", "/things/1", org="22222222-2222-7222-8222-222222222222")
    assert answer.status == 403


def test_without_a_verified_caller_nothing_is_done() -> None:
    seen = []
    app = core.build([Route("GET", "/organizations/{orgId}/things", seen.append, Operation("t", "t", "t"))])
    event = {
        "version": "2.0",
        "rawPath": f"/organizations/{ORG}/things",
        "rawQueryString": "",
        "headers": {},
        "requestContext": {"http": {"method": "GET", "path": "/"}, "stage": "$default"},
    }
    assert app(event, None)["statusCode"] == 403
    assert not seen


def test_path_values_are_as_the_gateway_decoded_them() -> None:
    for sent, meant in (
        ("a%20c", "a c"),
        ("50%25", "50%"),
        ("50%2525", "50%25"),
        ("%C3%A9", "é"),
        ("%22%23%3F%5C%60%E2%82%AC", '"#?\\`€'),
    ):
        assert client(lambda request: dict(request.path)).get(f"/things/{sent}").json["id"] == meant
    assert client(lambda request: dict(request.path)).get("/things/a%2Fb").status == 404


def test_the_last_variable_may_hold_slashes_where_a_route_says_so() -> None:
    base = "/organizations/{orgId}/things"
    operation = Operation("t", "t", "t")
    app = core.build(
        [
            Route("GET", f"{base}/{{key}}", lambda request: request.path["key"], operation, rest=True),
            Route("GET", f"{base}/jobs/{{id}}", lambda request: f"job {request.path['id']}", operation),
        ]
    )
    things = Client(app, ORG)
    for sent, meant in (
        ("a%2Fb", "a/b"),
        ("https:%2F%2Fx%3Fy", "https://x?y"),
        ("a/b%2525", "a/b%25"),
        ("jobs/1", "job 1"),
    ):
        assert things.get(f"/things/{sent}").json == meant
    assert things.get(f"//organizations//{ORG}//things/a%2Fb").json == "a/b"


def test_doubled_slashes_are_one() -> None:
    assert client(lambda _: {}).call("GET", f"//organizations//{ORG}/things/1", org="").status == 200


@pytest.mark.parametrize("raw", ["ids=a,b", "ids=a&ids=b", "ids=a%2Cb", "ids=a,&ids=,b,"])
def test_values_may_be_joined_or_repeated(raw: str) -> None:
    answer = client(lambda request: request.many("ids")).call("GET", "/things/1", query=raw)
    assert answer.json == ["a", "b"]


def test_a_body_of_512000_bytes_is_the_largest() -> None:
    echo = client(lambda request: len(request.body), method="POST")
    assert echo.call("POST", "/things/1", "x" * 512_000).json == 512_000
    refused = echo.call("POST", "/things/1", "x" * 512_001)
    assert refused.status == 403
    assert refused.json["errorCode"] == "BODY_TOO_LARGE"


def test_a_body_may_come_in_base64() -> None:
    def handle(request: Request) -> Any:
        return request.json_object()

    route = Route("POST", "/organizations/{orgId}/things", handle, Operation("t", "t", "t"))
    inner = core.build([route])

    def encoded(event: Any, context: Any) -> Any:
        return inner(
            {**event, "body": base64.b64encode(event["body"].encode()).decode(), "isBase64Encoded": True}, context
        )

    assert Client(encoded, ORG).post("/things", {"é": 1}).json == {"é": 1}


def test_the_most_exact_route_wins() -> None:
    def named(name: str) -> Any:
        return lambda _: name

    operation = Operation("t", "t", "t")
    app = core.build(
        [
            Route("GET", "/organizations/{orgId}/runs/{type}/{id}", named("by id"), operation),
            Route("GET", "/organizations/{orgId}/runs/logs/{id}", named("logs"), operation),
        ]
    )
    assert Client(app, ORG).get("/runs/logs/1").json == "logs"
    assert Client(app, ORG).get("/runs/Bill/1").json == "by id"


def test_an_empty_body_is_an_empty_object_and_anything_but_an_object_is_refused() -> None:
    read = client(lambda request: request.json_object(), method="POST")
    assert read.call("POST", "/things/1", "").json == {}
    assert read.call("POST", "/things/1", "  \n").json == {}
    for body in ("[]", "1", "null", "{", '{"a": NaN}', '{"a": Infinity}', "\udcff"):
        assert read.call("POST", "/things/1", body).status == 400


def test_one_value_means_one() -> None:
    one = client(lambda request: request.one("a"))
    assert one.call("GET", "/things/1", query="a=x").json == "x"
    assert one.call("GET", "/things/1", query="a=").json is None
    assert one.call("GET", "/things/1", query="a=x,y%2Cz").json == "x,y,z"
    assert one.call("GET", "/things/1", query="a=x&a=y").status == 400


def test_page_sizes_and_flags_are_checked() -> None:
    pages = client(lambda request: paging(request, largest=50))
    assert pages.get("/things/1").json == [50, None]
    assert pages.get("/things/1", pageSize=7, nextToken="t").json == [7, "t"]
    for size in ("0", "51", "-1", "1e1", "٣", "9" * 5000):
        assert pages.get("/things/1", pageSize=size).status == 400
    flags = client(lambda request: flag(request, "on"))
    assert [flags.get("/things/1", on=text).json for text in ("true", "TRUE", "false")] == [True, True, False]
    assert flags.get("/things/1", on="1").status == 400


def test_the_handler_of_entities_knows_its_routes() -> None:
    assert Organization().client.get("/nothing").status == 404


def test_the_stage_before_a_path_is_no_part_of_it() -> None:
    inner = core.build([Route("GET", "/things/{id}", lambda request: request.path["id"], THING)], authenticated=False)

    def staged(event: Any, context: Any) -> Any:
        path = f"/beta{event['rawPath']}"
        return inner(
            {**event, "rawPath": path, "requestContext": {**event["requestContext"], "stage": "beta"}}, context
        )

    assert Client(staged, ORG).call("GET", "/things/1", org="").json == "1"


def test_of_routes_that_fit_the_one_with_the_fewest_variables_answers() -> None:
    base = "/organizations/{orgId}/things"
    routes = [
        Route("GET", f"{base}/{{id}}", lambda request: request.path["id"], THING),
        Route("GET", f"{base}/search", lambda _: "the search", THING),
        Route("PUT", f"{base}/{{id}}", lambda _: "put", THING),
    ]
    things = Client(core.build(routes), ORG)
    assert things.get("/things/search").json == "the search"
    assert things.get("/things/other").json == "other"
    assert things.call("PUT", "/things/search", {}).json == "put"
    for path in ("/things/", "/things", "/things/a/"):
        assert things.get(path).status == 404
