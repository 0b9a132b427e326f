"""What the process of mappings does with a request: `mappings` starts it, and `child_loop` is how it runs.

A request is a pickled dictionary and a pickled None. The answer is one line when the expression could be read, and one with the
value as JSON; or one with what is wrong.
"""

import json
import pickle
import resource
import sys
from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import IO, Any, Final, Self

import jsonata

from usance.adapters.child_loop import limit, limit_processor, say, serve
from usance.resources import wire

DEPTH_MAX: Final = 200  # calls within each other: well below what Python's stack holds
REASON_MAX: Final = 400
_WHOLE_MAX: Final = 2**63  # JSON encoders take whole numbers of 64 bits


class _Exact(float):
    """A number that remembers its digits, so that one which is only passed on keeps them."""

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


class _CannotBeJsonError(Exception):
    """The value of an expression has something that JSON has not."""


def _answer(requests: IO[bytes]) -> None:
    request = pickle.load(requests)  # noqa: S301 - our own parent wrote it
    pickle.load(requests)  # noqa: S301 - the end
    limit(resource.RLIMIT_AS, request["addresses"])
    limit_processor(request["seconds"])
    say({"ready": True})
    say(_result(request))


def _result(request: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        expression = jsonata.Jsonata(request["expression"], stack=DEPTH_MAX)
        if request["document"] is None:
            return {"value": ""}
        document = json.loads(request["document"], parse_float=_Exact)
        value = wire.dumps(_plain(expression.evaluate(document))).decode()
    except MemoryError:
        return {"limit": "memory"}
    except RecursionError:
        return {"refused": "it is nested too deeply"}
    except jsonata.JException as wrong:
        return {"refused": _reason(wrong, request["expression"])}
    except _CannotBeJsonError as wrong:
        return {"refused": str(wrong)}
    except Exception as failed:  # noqa: BLE001 - whatever a library says of what a customer wrote is the customer's
        return {"refused": _whole(f"it cannot be evaluated: {failed}"[:REASON_MAX], errors="replace")}
    if len(value) > request["answer_max"]:
        return {"refused": f"it makes {len(value)} bytes; the limit is {request['answer_max']}"}
    return {"value": value}


def _reason(wrong: jsonata.JException, expression: str) -> str:
    """What is wrong and where: a position of the text, from 1, by line and column."""
    before = expression[: max(wrong.location, 0)]
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1)
    said = _whole(str(wrong)[:REASON_MAX], errors="replace")
    return f"{said} (line {line}, column {max(column, 1)})"


def _plain(value: Any) -> Any:
    """The value in what JSON has, with the digits of numbers that were passed on."""
    match value:
        case None | str() | bool():
            return _text(value) if isinstance(value, str) else value
        case _Exact():
            return Decimal(value.text)
        case float() if isfinite(value):
            return Decimal(repr(value))
        case int():
            return value if abs(value) < _WHOLE_MAX else Decimal(value)
        case dict():
            return {_text(str(name)): _plain(inner) for name, inner in value.items()}
        case list() | tuple() | range():
            return [_plain(inner) for inner in value]
        case _ if type(value).__name__ == "NullValue":
            return None
        case _:
            raise _CannotBeJsonError("it makes something that JSON has not, such as a function or an infinite number")


def _text(value: str) -> str:
    try:
        return _whole(value)
    except UnicodeDecodeError:
        raise _CannotBeJsonError(
            "it makes a text with half a character, of which the other escape is missing"
        ) from None


def _whole(text: str, errors: str = "strict") -> str:
    """The text in whole characters: an expression may write one as two escapes, as JSON does."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", errors)


if __name__ == "__main__":
    sys.setrecursionlimit(4_000)
    serve(_answer)
