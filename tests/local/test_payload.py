import base64

import pytest

from local.payload import Request, build_payload, read_answer
from local.plan import Route
from local.routes import Match

MATCH = Match(Route("ANY", "/things/{id}", "EchoFunction", "Token"), {"id": "a b"})
NOW = 1_700_000_000.5


def request(**values: object) -> Request:
    defaults = {
        "method": "POST",
        "path": "/things//a%20b",
        "query": "",
        "headers": [("content-type", "application/json"), ("host", "api.example:8700")],
        "body": b"",
        "source_ip": "10.0.0.1",
    }
    return Request(**{**defaults, **values})  # type: ignore[arg-type]


def test_the_payload_says_which_route_and_which_path() -> None:
    payload = build_payload(request(), MATCH, {"caller": "me"}, NOW)
    assert payload["version"] == "2.0"
    assert payload["routeKey"] == "ANY /things/{id}"
    assert payload["rawPath"] == payload["requestContext"]["http"]["path"] == "/things/a b"
    assert payload["pathParameters"] == {"id": "a b"}
    assert payload["requestContext"]["authorizer"] == {"lambda": {"caller": "me"}}
    assert payload["requestContext"]["time"] == "14/Nov/2023:22:13:20 +0000"
    assert payload["requestContext"]["timeEpoch"] == 1_700_000_000_500


def test_what_a_request_lacks_is_absent() -> None:
    payload = build_payload(request(), MATCH, None, NOW)
    assert not payload.keys() & {"body", "cookies", "queryStringParameters"}
    assert "authorizer" not in payload["requestContext"]


def test_repeated_query_keys_are_joined_by_commas_and_the_raw_query_stays_encoded() -> None:
    payload = build_payload(request(query="ids=1&ids=2%2C3&name=a%20b&empty="), MATCH, None, NOW)
    assert payload["queryStringParameters"] == {"ids": "1,2,3", "name": "a b", "empty": ""}
    assert payload["rawQueryString"] == "ids=1&ids=2%2C3&name=a%20b&empty="


def test_cookies_leave_the_headers() -> None:
    payload = build_payload(request(headers=[("cookie", "a=1; b=2"), ("x", "1"), ("x", "2")]), MATCH, None, NOW)
    assert payload["cookies"] == ["a=1", "b=2"]
    assert payload["headers"] == {"x-forwarded-proto": "http", "x": "1,2"}


@pytest.mark.parametrize(
    ("content_type", "plain"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("text/csv", True),
        ("application/problem+json", True),
        ("application/x-www-form-urlencoded", False),
        ("application/octet-stream", False),
        (None, False),
    ],
)
def test_a_body_is_base64_unless_its_type_names_a_text(content_type: str | None, plain: bool) -> None:
    headers = [("content-type", content_type)] if content_type else []
    payload = build_payload(request(headers=headers, body=b"a=1"), MATCH, None, NOW)
    expected = "a=1" if plain else base64.b64encode(b"a=1").decode()
    assert (payload["body"], payload["isBase64Encoded"]) == (expected, not plain)


def test_bytes_that_are_no_text_are_base64_whatever_the_header_says() -> None:
    assert build_payload(request(body=b"\xff\x00"), MATCH, None, NOW)["isBase64Encoded"] is True


def test_an_answer_keeps_status_headers_cookies_and_body() -> None:
    answer = read_answer({"statusCode": 409, "headers": {"X-A": "1"}, "cookies": ["a=1", "b=2"], "body": "é"})
    assert answer.status == 409
    assert [row for row in answer.headers if row[0] != "content-type"] == [
        ("x-a", "1"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ]
    assert answer.body == "é".encode()


def test_a_base64_answer_is_decoded() -> None:
    body = base64.b64encode(b"\xff").decode()
    assert read_answer({"statusCode": 200, "body": body, "isBase64Encoded": True}).body == b"\xff"


def test_a_result_without_a_status_is_the_body() -> None:
    assert read_answer({"ok": True}).body == b'{"ok": true}'


@pytest.mark.parametrize("result", [{"statusCode": "x"}, {"statusCode": 200, "body": {"a": 1}}])
def test_a_malformed_answer_is_an_error(result: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- the gateway turns any of them into 500
        read_answer(result)
