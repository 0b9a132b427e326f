"""One warm worker of one function: `python -m local.worker functions.entities.app handler`.

It reads invocations from standard input and writes results to the descriptor that standard output had; what the
function prints goes to standard error, its log. Frames are a length of four bytes, big endian, and as many bytes of JSON.
When the input ends, the process ends at once: its owner is gone, and what was running counts as interrupted.
"""

import importlib
import json
import os
import queue
import struct
import sys
import threading
import time
import traceback
from typing import Any, BinaryIO, Final

HEADER: Final = struct.Struct(">I")


def write_frame(stream: BinaryIO, content: bytes) -> None:
    """Write one frame."""
    stream.write(HEADER.pack(len(content)) + content)
    stream.flush()


def read_exactly(stream: BinaryIO, size: int) -> bytes | None:
    """The next `size` bytes; None when the stream ends before."""
    parts = []
    while size:
        part = stream.read(size)
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next frame; None at the end of the stream."""
    header = read_exactly(stream, HEADER.size)
    return None if header is None else read_exactly(stream, HEADER.unpack(header)[0])


class Context:
    """What Lambda tells a handler about its invocation."""

    function_version = "$LATEST"
    client_context = None
    identity = None

    def __init__(self, request_id: str, deadline: float) -> None:
        """`deadline` is a time of `time.time()`, in seconds."""
        self.aws_request_id = request_id
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.invoked_function_arn = os.environ["LOCAL_FUNCTION_ARN"]
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = f"local/{os.getpid()}"
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation is ended."""
        return max(0, int((self._deadline - time.time()) * 1000))


def _failure(error: BaseException) -> dict[str, Any]:
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_exception(error),
    }


def _answer(handler: Any, invocation: dict[str, Any]) -> bytes:
    try:
        result = handler(invocation["event"], Context(invocation["requestId"], invocation["deadline"]))
        return json.dumps({"result": result}, separators=(",", ":")).encode()
    except Exception as error:  # noqa: BLE001 -- Lambda's runtime turns every exception into a function error
        traceback.print_exception(error)
        return json.dumps({"error": _failure(error)}).encode()


def _feed(source: BinaryIO, invocations: queue.SimpleQueue[bytes]) -> None:
    while (frame := read_frame(source)) is not None:
        invocations.put(frame)
    os._exit(0)


def main() -> None:
    """Import the handler, say so, then answer invocations one at a time."""
    source, results = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    invocations: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_feed, args=(source, invocations), daemon=True).start()
    try:
        handler = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])
    except Exception as error:  # noqa: BLE001 -- reported to the owner as the function's error
        traceback.print_exception(error)
        write_frame(results, json.dumps({"error": _failure(error)}).encode())
        sys.exit(1)
    write_frame(results, b'{"ready":true}')
    while True:
        frame = invocations.get()
        write_frame(results, _answer(handler, json.loads(frame)))


if __name__ == "__main__":
    main()
