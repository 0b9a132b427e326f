"""A file of measurements through the embedded stack: how much memory its worker ever had, and how fast it read."""

import contextlib
import http.client
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.figures import Figure
from benchmarks.patient import Patient
from benchmarks.progress import Progress
from benchmarks.slow_machine import with_time
from local.control import ask
from local.store import PROJECT
from local.testing import RunningStack, running_stack

SIZE_BYTES: Final = 16 * 1024**2  # of the file, by default: seconds
MEMORY_MAX_MIB: Final = 512
WORKER: Final = "UploadWorkerFunction"
ACCOUNTS: Final = 50
ROWS_AT_ONCE: Final = 1_000
LOOK_SECONDS: Final = 1.0  # a look takes time from what it looks at
STALL_SECONDS_MAX: Final = 3_600  # without a row: the store may have been busy for half an hour
TIMEOUT_SECONDS: Final = 600
METER: Final = "uploaded"
_PEAK: Final = re.compile(r"VmHWM:\s*(\d+) kB")


def figures(size_bytes: int) -> list[Figure]:
    """Of a JSON array of about `size_bytes`."""
    rows = max(1, size_bytes // (len(_row(0)) + 1))
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder), template=_template(Path(folder))) as stack,
        contextlib.closing(Patient(stack)) as api,
    ):
        seconds, peak_mib = _read(stack, api, rows)
    memory = Figure(
        "memory of the worker at its peak",
        peak_mib,
        "MiB",
        target=f"<= {MEMORY_MAX_MIB}",
        met=peak_mib <= MEMORY_MAX_MIB,
    )
    size_mib = rows * (len(_row(0)) + 1) / 1024**2
    return [
        Figure("file of measurements", size_mib, "MiB"),
        memory,
        Figure("measurements of a file, through the embedded stack", rows / seconds, "events/s"),
    ]


def _template(folder: Path) -> Path:
    template = folder / "template.yaml"
    template.write_text(with_time((PROJECT / "template.yaml").read_text()))
    return template


def _read(stack: RunningStack, api: Patient, rows: int) -> tuple[float, int]:
    """Upload the file and wait until it is read: how many seconds, and how many MiB."""
    fields = [
        {"category": "MEASURE", "code": "units", "name": "Units", "unit": "1"},
        {"category": "WHAT", "code": "text", "name": "Text"},
    ]
    api.call("POST", "/meters", {"code": METER, "name": "Uploaded", "dataFields": fields, "derivedFields": []})
    length = rows * (len(_row(0)) + 1) + 1
    about = {"fileName": "measurements.json", "contentType": "application/json", "contentLength": length}
    made = api.call("POST", "/fileuploads/measurements/generateUploadUrl", about)
    _put(made["url"], made["headers"], length, rows)
    began = moved = time.monotonic()
    peak, read, progress = 0, 0, Progress()
    while (job := _job(api, made["jobId"]))["status"] in {"notUploaded", "running"}:
        peak = max([peak, *map(_peak_mib, ask(stack.data_dir, "status", {})["functions"][WORKER])])
        now = time.monotonic()
        if job["totalRows"] > read:
            read, moved = job["totalRows"], now
        if now - moved > STALL_SECONDS_MAX:
            raise RuntimeError(f"the file is not read: {job}")
        progress.say(partial("{} of {} rows, {} MiB".format, read, rows, peak))
        time.sleep(LOOK_SECONDS)
    if (job["status"], job["processedRows"]) != ("succeeded", rows):
        raise RuntimeError(f"the file was not read as it should be: {job}")
    seconds = time.monotonic() - began
    peak = max([peak, *map(_peak_mib, ask(stack.data_dir, "status", {})["functions"][WORKER])])
    if (found := dict(_counted(api))) != (sent := _sent(rows)):
        wrong = [code for code in sent if found.get(code) != sent[code]]
        raise RuntimeError(f"the usage is not what was sent, of {wrong}")
    return seconds, peak


def _sent(rows: int) -> dict[str, tuple[int, Decimal]]:
    """How many measurements each account has, and what they come to."""
    counts: Counter[str] = Counter()
    thousandths: Counter[str] = Counter()
    for number in range(rows):
        counts[account := _account(number)] += 1
        thousandths[account] += 1_000 + number % 900
    return {account: (count, Decimal(thousandths[account]) / 1_000) for account, count in counts.items()}


def _counted(api: Patient) -> Iterator[tuple[str, tuple[int, Decimal]]]:
    """The same as the API answers it, an account at a time: one of 1 GiB has a seventh of a million."""
    [meter] = api.call("GET", f"/meters?codes={METER}")["data"]
    target = {"meterId": meter["id"], "fieldCode": "units", "fieldType": "MEASURE"}
    for account in api.call("GET", "/accounts?pageSize=100")["data"]:
        question = {
            "startDate": "2026-01-01T00:00:00Z",
            "endDate": "2026-02-01T00:00:00Z",
            "accountIds": [account["id"]],
            "aggregations": [{**target, "function": function} for function in ("COUNT", "SUM")],
        }
        [row] = api.call("POST", "/usage/query", question)["data"]
        yield account["code"], (row["units.COUNT"], row["units.SUM"])


def _job(api: Patient, job_id: str) -> Any:
    return api.call("GET", f"/fileuploads/measurements/jobs/{job_id}")


def _put(url: str, headers: dict[str, str], length: int, rows: int) -> None:
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.netloc, timeout=TIMEOUT_SECONDS)
    connection.request("PUT", f"{at.path}?{at.query}", _file(rows), {**headers, "Content-Length": str(length)})
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"the bucket answers {answer.status}: {answer.read()[:200]!r}")
    answer.read()
    connection.close()


def _file(rows: int) -> Iterator[bytes]:
    """The array; each row is as long as the others."""
    for start in range(0, rows, ROWS_AT_ONCE):
        part = ",".join(_row(number) for number in range(start, min(start + ROWS_AT_ONCE, rows)))
        yield f"{',' if start else '['}{part}".encode()
    yield b"]"


def _row(number: int) -> str:
    time_ = f"2026-01-{number // 86_400 % 28 + 1:02}T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    return (
        f'{{"uid":"u-{number:09}","meter":"{METER}","account":"{_account(number)}","ts":"{time_}",'
        f'"measure":{{"units":{1 + number % 900 / 1000:.3f}}},"what":{{"text":"{number * 2_654_435_761 % 2**64:016x}"}}}}'
    )


def _account(number: int) -> str:
    return f"customer-{number // 97 % ACCOUNTS:03}"


def _peak_mib(pid: int) -> int:
    """Of a process that may have ended by now."""
    try:
        found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) // 1024 if found else 0
