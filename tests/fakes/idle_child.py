"""A process of requests that computes, or only waits as one does that gets no processor, for as long as it is asked."""

import pickle
import select
import time
from typing import IO

from usance.adapters.child_loop import limit_processor, say, serve


def _answer(requests: IO[bytes]) -> None:
    request = pickle.load(requests)
    pickle.load(requests)
    limit_processor(request["seconds"])
    say({"ready": True})
    if "waits" in request:
        select.select([], [], [], request["waits"])
    else:
        until = time.process_time() + request["computes"]
        while time.process_time() < until:
            pass
    say({"value": "done"})


if __name__ == "__main__":
    serve(_answer)
