"""Sends everything until it is accepted, by some threads."""

import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.patient import Patient
from benchmarks.progress import Progress
from benchmarks.soak.truth import SHARES, UPLOAD_CHUNKS, Chunk, Plan, Truth, Way, body_of, chunks

LOOK_SECONDS = 0.02
REPEATED_PERCENT = 5  # of requests are followed by another with half of their measurements
ALTERED_PERCENT = 40  # of those say something else about the same uids
READ_SECONDS = 3_600

Step = Callable[[Patient], None]


class Sending:
    """`sent` counts measurements by the way they went, and files that had to go twice."""

    def __init__(self, plan: Plan, truth: Truth, rng: random.Random) -> None:
        self._plan = plan
        self._truth = truth
        self._rng = rng
        self._lock = threading.Lock()
        self._uploads: dict[str, bytes] = {}
        self._ready: Iterator[Step] = iter(())
        self._done = self._steps = 0
        self._began, self._seconds = time.monotonic(), math.inf
        self._progress = Progress()
        self.sent: Counter[str] = Counter()

    def send(self, api: Patient, ways: Sequence[Way], kill: Callable[[], None], beside: Callable[[], None]) -> None:
        """All measurements of these ways; `kill` is called at points that are drawn, `beside` all the time."""
        self._began, self._steps, self._done = time.monotonic(), sum(map(self._plan.steps, ways)), 0
        self._seconds = (self._plan.minutes or math.inf) * 60 * sum(SHARES[way] for way in ways) / 100
        self._ready, points = self._work(ways), self._points(ways)
        with ThreadPoolExecutor(self._plan.senders) as pool:
            senders = [pool.submit(self._send_all, api) for _ in range(self._plan.senders)]
            while not all(sender.done() for sender in senders):
                beside()
                if points and self._share() >= points[0]:
                    points.pop(0)
                    kill()
                self._progress.say(self._how_far)
                time.sleep(LOOK_SECONDS)
        for sender in senders:
            sender.result()

    def _share(self) -> float:
        """How much is done, of what there is to send or of the time that there is."""
        return max(self._done / max(1, self._steps), (time.monotonic() - self._began) / self._seconds)

    def _send_all(self, api: Patient) -> None:
        """What is ready, until nothing is."""
        while step := self._next():
            step(api)
            with self._lock:
                self._done += 1

    def _next(self) -> Step | None:
        with self._lock:
            return next(self._ready, None)

    def wait_for_files(self, api: Patient, beside: Callable[[], None]) -> None:
        """Until every file was read. One that the workers gave up is uploaded again, as its owner would."""
        deadline = time.monotonic() + READ_SECONDS
        while self._uploads:
            for job_id, content in list(self._uploads.items()):
                job = api.call("GET", f"/fileuploads/measurements/jobs/{job_id}")
                if job["failedRows"] or time.monotonic() > deadline:
                    raise AssertionError(f"the file is not read: {job}")
                if job["status"] in {"succeeded", "failed"}:
                    del self._uploads[job_id]
                if job["status"] == "failed":
                    self._count("files uploaded again", 1)
                    self._upload(api, content)
            beside()
            self._progress.say(lambda: f"{len(self._uploads)} files are to be read")
            time.sleep(LOOK_SECONDS)

    def _how_far(self) -> str:
        with self._lock:
            return ", ".join(f"{count} {what}" for what, count in sorted(self.sent.items()))

    def _points(self, ways: Sequence[Way]) -> list[float]:
        """How much is done when something is killed."""
        kills = max(1, self._plan.kills * sum(SHARES[way] for way in ways) // 100)
        return sorted(self._rng.random() for _ in range(kills))

    def _work(self, ways: Sequence[Way]) -> Iterator[Step]:
        """The ways mixed as their shares are."""
        sources = {way: chunks(way, self._plan, self._truth) for way in ways}
        while sources and time.monotonic() - self._began < self._seconds:
            way = self._rng.choices(list(sources), [self._plan.steps(way) + 1 for way in sources])[0]
            wanted = range(UPLOAD_CHUNKS if way is Way.UPLOAD else 1)
            found = [chunk for _, chunk in zip(wanted, sources[way], strict=False)]
            if found:
                yield self._step(way, found)
            else:
                del sources[way]

    def _step(self, way: Way, found: Sequence[Chunk]) -> Step:
        rng = random.Random(self._rng.random())
        if way is Way.UPLOAD:
            return lambda api: self._upload_all(api, [row for chunk in found for row in chunk.rows])
        return lambda api: self._post(api, way, found[0], rng)

    def _post(self, api: Patient, way: Way, chunk: Chunk, rng: random.Random) -> None:
        api.call("POST", "/measurements", body_of(chunk.rows))
        self._count(way.value, len(chunk.rows))
        if rng.randrange(100) < REPEATED_PERCENT:
            # By way of a queue a copy may overtake what was accepted before it: there it says the same.
            altered = way is Way.REQUEST and rng.randrange(100) < ALTERED_PERCENT
            numbers = rng.sample(range(len(chunk.rows)), max(1, len(chunk.rows) // 2))
            rows = chunk.altered if altered else chunk.rows
            api.call("POST", "/measurements", body_of([rows[number] for number in numbers]))
            self._count("altered copies" if altered else "copies", len(numbers))

    def _upload_all(self, api: Patient, rows: Sequence[str]) -> None:
        self._upload(api, f"[{','.join(rows)}]".encode())
        self._count(Way.UPLOAD.value, len(rows))

    def _upload(self, api: Patient, content: bytes) -> None:
        """A file; when the bucket's answer is lost, another one with the same measurements."""
        about = {"fileName": "soak.json", "contentType": "application/json", "contentLength": len(content)}

        def attempt() -> str:
            made = api.call("POST", "/fileuploads/measurements/generateUploadUrl", about)
            api.put(made["url"], made["headers"], content)
            return str(made["jobId"])

        self._uploads[api.until(attempt)] = content

    def _count(self, what: str, events: int) -> None:
        with self._lock:
            self.sent[what] += events
