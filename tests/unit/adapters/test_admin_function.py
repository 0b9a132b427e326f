"""The admin function as the command line invokes it."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.control import Control
from usance.adapters.admin_function import of_deployment, of_embedded_stack
from usance.domain.kernel.errors import InvalidInputError, NotFoundError


class Lambda:
    """A client of Lambda that answers with what it was given."""

    def invoke(self, **request: Any) -> dict[str, Any]:
        self.name = request["FunctionName"]
        event = json.loads(request["Payload"])
        if event["action"] == "refused":
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "firstDay is wrong"}')}
        return {"Payload": io.BytesIO(json.dumps({"got": event}).encode())}


def test_a_deployment_answers_or_says_what_is_wrong() -> None:
    client = Lambda()
    invoke = of_deployment("admin", client)
    assert invoke({"action": "audit"}) == {"got": {"action": "audit"}}
    assert client.name == "admin"
    with pytest.raises(InvalidInputError, match="firstDay is wrong"):
        invoke({"action": "refused"})


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Of a stack whose functions answer with their events."""

    def answer(arguments: Any) -> Any:
        if arguments["event"]["action"] == "refused":
            raise ValueError("firstDay is wrong")
        return arguments

    control = Control({"invoke": answer})
    control.start()
    control.announce(tmp_path, 1, "http://127.0.0.1:1")
    yield tmp_path
    control._server.shutdown()
    control._server.server_close()


def test_the_embedded_stack_answers_or_says_what_is_wrong(data_dir: Path) -> None:
    invoke = of_embedded_stack(data_dir)
    assert invoke({"action": "audit"}) == {"function": "AdminFunction", "event": {"action": "audit"}}
    with pytest.raises(InvalidInputError, match="firstDay is wrong"):
        invoke({"action": "refused"})


def test_without_a_stack_the_message_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="make serve"):
        of_embedded_stack(tmp_path)
