"""The toy stack, as a client and as its functions see it."""

import concurrent.futures
import stat
import time
from datetime import UTC, datetime

import pytest

from local.control import ControlError
from tests.local.conftest import Toy

GOOD = {"Authorization": "good-one"}


def test_an_open_route_needs_no_token(toy: Toy) -> None:
    answer = toy.http.post("/open?a=1&a=2", json={"b": 1}, headers={"Cookie": "c=3"})
    event = answer.json()["event"]
    assert answer.status_code == 201
    assert (event["queryStringParameters"], event["body"], event["cookies"]) == ({"a": "1,2"}, '{"b":1}', ["c=3"])
    assert answer.headers["content-type"] == "application/json"


def test_a_protected_route_answers_401_403_or_hands_the_caller_over(toy: Toy) -> None:
    assert toy.http.get("/things/1").status_code == 401
    assert toy.http.get("/things/1").json() == {"message": "Unauthorized"}
    refused = toy.http.get("/things/1", headers={"Authorization": "bad"})
    assert (refused.status_code, refused.json()) == (403, {"message": "Forbidden"})
    answer = toy.http.get("/things/1", headers=GOOD).json()["event"]
    assert answer["routeKey"] == "GET /things/{id}"
    assert answer["requestContext"]["authorizer"]["lambda"] == {"caller": "good-one", "admin": True}


def test_the_authorizer_is_asked_once_per_token(toy: Toy) -> None:
    for _ in range(5):
        assert toy.http.get("/things/1/more", headers={"Authorization": "good-cached"}).status_code == 201
    assert toy.note("authorized", "good-cached")["times"] == 1


def test_a_path_without_a_route_is_not_found(toy: Toy) -> None:
    answer = toy.http.get("/nowhere")
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


def test_a_body_over_ten_megabytes_is_refused(toy: Toy) -> None:
    answer = toy.http.post("/open", content=b"x" * (10 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})


@pytest.mark.parametrize("how", ["raise", "exit", "sleep"])
def test_a_function_that_fails_answers_500_and_the_next_request_is_served(toy: Toy, how: str) -> None:
    answer = toy.http.post("/misbehave", json={"how": how})
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
    assert toy.http.post("/misbehave", json={"how": "well"}).status_code == 200


def test_requests_at_the_same_time_run_in_processes_of_their_own(toy: Toy) -> None:
    def ask(number: int) -> tuple[int, str]:
        content = toy.http.get(f"/open?number={number}").json()
        return content["pid"], content["event"]["queryStringParameters"]["number"]

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(40)))
    assert [number for _, number in answers] == [str(number) for number in range(40)]
    assert 1 <= len({pid for pid, _ in answers}) <= 4


def test_a_message_reaches_its_function_and_is_deleted(toy: Toy) -> None:
    toy.send(name="plain")
    assert toy.note("work", "plain")["receives"] == "1"
    assert toy.stack.settle()
    assert toy.note("work", "plain")["times"] == 1


def test_a_message_that_fails_comes_again_and_ends_in_the_dead_letter_queue(toy: Toy) -> None:
    toy.send(name="doomed", fail=True)
    toy.send(name="fine beside it")
    assert toy.messages("WorkDeadLetterQueue") == [{"name": "doomed", "fail": True}]
    assert toy.note("work", "doomed", times=3)["receives"] == "3"
    assert toy.note("work", "fine beside it")["times"] == 1


def test_changes_that_pass_the_filter_reach_the_streams_function(toy: Toy) -> None:
    toy.put("quiet")
    toy.put("loud", body={"S": "{}"})
    assert toy.note("change", "loud")["name"] == "INSERT"
    assert toy.noted("change", "quiet") is None


def test_a_record_that_always_fails_goes_to_the_failure_queue_and_the_others_do_not(toy: Toy) -> None:
    toy.put("bad", body={"S": "{}"})
    toy.put("after bad", body={"S": "{}"})
    toy.note("change", "after bad", seconds=30)
    (failure,) = toy.messages("StreamFailuresQueue")
    assert failure["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert failure["DDBStreamBatchInfo"]["batchSize"] == 1


def test_a_schedule_is_fired_with_the_time_it_is_told(toy: Toy) -> None:
    moment = datetime(2026, 2, 1, tzinfo=UTC)
    assert toy.stack.fire("Nightly", moment) == {"schedule": "Nightly", "time": "2026-02-01T00:00:00Z"}
    assert toy.stack.fire("ScheduledFunctionHourly", moment)["source"] == "aws.events"
    with pytest.raises(ControlError, match="Weekly"):
        toy.stack.fire("Weekly", moment)


def test_an_object_that_passes_the_rules_reaches_its_function(toy: Toy) -> None:
    s3 = toy.client("s3")
    for key in ("a.txt", "a.csv"):
        s3.put_object(Bucket="usance-uploadsbucket", Key=key, Body=b"x")
    assert toy.note("uploaded", "a.csv")["bucket"] == "usance-uploadsbucket"
    assert toy.noted("uploaded", "a.txt") is None


def test_the_first_start_made_one_organization_and_private_credentials(toy: Toy) -> None:
    assert toy.note("admin", "createOrganization")["times"] == 1
    assert set(toy.stack.credentials) == {"base_url", "org_id", "api_key", "api_secret"}
    assert stat.S_IMODE(toy.stack.credentials_file.stat().st_mode) == 0o600


def test_a_function_can_be_invoked_by_name_and_its_error_is_told(toy: Toy) -> None:
    assert "serviceUserId" in toy.stack.invoke("AdminFunction", {"action": "createServiceUser"})
    with pytest.raises(ControlError, match="KeyError"):
        toy.stack.invoke("AdminFunction", {"action": "dance"})
    with pytest.raises(ControlError, match="AdminFunction"):
        toy.stack.invoke("NoFunction", {})


def test_a_warm_request_is_quick(toy: Toy) -> None:
    toy.http.get("/open")
    began = time.monotonic()
    for _ in range(20):
        toy.http.get("/open")
    assert (time.monotonic() - began) / 20 < 0.25
