"""What customers wrote may compute for so long; how busy the machine is meanwhile is not its fault."""

from collections.abc import Iterator

import pytest

from usance.adapters import child_process
from usance.adapters.child_process import ChildProcess
from usance.domain.kernel.errors import UnavailableError

MAY_COMPUTE = 0.1  # seconds


@pytest.fixture
def process() -> Iterator[ChildProcess]:
    process = ChildProcess("tests.fakes.idle_child", 1_000)
    yield process
    process.close()


def test_a_request_that_waits_for_a_processor_is_not_refused(
    process: ChildProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_process, "CLOCK_TIMES", 200)
    assert process.answer({"waits": 3 * MAY_COMPUTE}, (), MAY_COMPUTE) == {"value": "done"}


def test_a_request_that_computes_for_too_long_is_ended_and_the_next_one_works(
    process: ChildProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_process, "CLOCK_TIMES", 200)
    assert process.answer({"computes": 60}, (), MAY_COMPUTE) == {"limit": "time"}
    assert process.answer({"computes": 0}, (), MAY_COMPUTE) == {"value": "done"}


def test_a_request_that_gets_no_processor_at_all_is_put_off(process: ChildProcess) -> None:
    with pytest.raises(UnavailableError, match="too busy"):
        process.answer({"waits": 60}, (), MAY_COMPUTE)
