"""JSONata in a process apart: the library's own limits do not hold inside one function, such as $pad or a pattern."""

import atexit
from functools import cache
from typing import Any, Final

from usance.adapters.child_process import ChildProcess
from usance.application.ports.mappings import MAPPING_MAX_CHARS
from usance.domain.kernel.errors import InvalidInputError
from usance.resources import wire
from usance.resources.wire import Document

SECONDS_MAX: Final = 3.0  # of processor time; a mapping of the largest entity takes some hundredths
ADDRESSES_MAX: Final = 256_000_000  # bytes; Python and the library take a tenth
ANSWER_MAX: Final = 2_000_000  # bytes; no destination takes more than 1 MB
LINE_MAX: Final = 13 * ANSWER_MAX  # a character takes up to 12 bytes where it is escaped


class JsonataMappings:
    """`FieldMappings` by jsonata-python."""

    def check(self, expression: str) -> None:
        """See the port."""
        self._answer(expression, None)

    def apply(self, expression: str, document: Document) -> Any:
        """See the port."""
        return wire.loads(self._answer(expression, wire.dumps(document)))

    def _answer(self, expression: str, document: bytes | None) -> str:
        if len(expression) > MAPPING_MAX_CHARS:
            raise InvalidInputError(
                f"configData.mapping: has {len(expression)} characters; the limit is {MAPPING_MAX_CHARS}"
            )
        request = {
            "expression": expression,
            "document": document,
            "addresses": ADDRESSES_MAX,
            "answer_max": ANSWER_MAX,
        }
        said = jsonata_process().answer(request, (), SECONDS_MAX)
        if limit := said.get("limit"):
            most = (
                f"{SECONDS_MAX:g} seconds of processor time"
                if limit == "time"
                else f"{ADDRESSES_MAX // 1_000_000} MB of memory"
            )
            raise InvalidInputError(f"configData.mapping: it takes more than {most}")
        if refused := said.get("refused"):
            raise InvalidInputError(f"configData.mapping: {refused}")
        return str(said["value"])


@cache
def jsonata_process() -> ChildProcess:
    """The one of this process: it lives as long, so that only a first mapping waits for the library to be imported."""
    process = ChildProcess("usance.adapters.jsonata.jsonata_child", LINE_MAX)
    atexit.register(process.close)
    return process
