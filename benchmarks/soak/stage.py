"""A stack whose line to the store is disturbed, and whose processes can be killed."""

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.progress import Progress
from benchmarks.slow_machine import with_time
from benchmarks.soak.faults import Faults
from benchmarks.soak.truth import Plan
from local import aws
from local.control import ask
from local.names import REGION
from local.store import PROJECT, find
from local.testing import running_stack
from tests.crash.proxy import CuttingProxy

TABLE = "usance-UsageTable"
VICTIMS = ("IngestFunction", "UploadWorkerFunction", "IngestWorkerFunction", "EntitiesFunction")
MERGING, EVERYTHING = "merging", "everything but the store"
EVERY_ACCOUNT = 0
MERGED_AT_ONCE = 40  # accounts, while measurements come in
SETTLE_SECONDS = 3_600
QUIET_LOOKS = 3


class Stage:
    """What goes on beside the sending. `kills` counts by victim, `merged` the items that merging made."""

    def __init__(self, folder: Path, faults: Faults, rng: random.Random, plan: Plan) -> None:
        """The stack's data go into `folder`."""
        self._workers = plan.senders
        self._data_dir = folder / "data"
        self._folder = folder
        self._template = folder / "template.yaml"
        self._faults = faults
        self._rng = rng
        self._progress = Progress()
        self._merger: subprocess.Popen[str] | None = None
        self.kills: Counter[str] = Counter()
        self.merged = 0
        text = with_time((PROJECT / "template.yaml").read_text())
        text = re.sub(r"VisibilityTimeout: \d+", f"VisibilityTimeout: {plan.visibility_seconds}", text)
        text = re.sub(r"MaximumBatchingWindowInSeconds: \d+", "MaximumBatchingWindowInSeconds: 1", text)
        self._template.write_text(re.sub(r"maxReceiveCount: \d+", "maxReceiveCount: 1000", text))

    @contextlib.contextmanager
    def running(self, mode: str) -> Iterator[None]:
        """The stack takes measurements in as `mode` says; what was stored before is there."""
        proxy = CuttingProxy(self._store)
        self._faults.on = False  # until there is an organization
        proxy.disturb(self._faults)
        proxy.start()
        arguments = ["--functions-endpoint", proxy.url, "--concurrency", str(self._workers)]
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(proxy.stop)
            self.stack = cleanup.enter_context(
                running_stack(
                    self._folder, template=self._template, parameters={"IngestMode": mode}, arguments=arguments
                )
            )
            cleanup.callback(self.end_merging)
            self._endpoint, self._faults.on = proxy.url, True
            yield

    def kill(self) -> None:
        """A worker in the middle of whatever it does, the merging, or everything but the store."""
        functions = ask(self.stack.data_dir, "status", {})["functions"]
        alive = [victim for victim in VICTIMS if functions[victim]]
        victim = self._rng.choice([*alive, MERGING, EVERYTHING])
        if victim == MERGING:
            self.end_merging()
        elif victim == EVERYTHING:
            self.stack.kill9()
            self.stack.start()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._rng.choice(functions[victim]), signal.SIGKILL)
        self.kills[victim] += 1

    def keep_merging(self, most: int = MERGED_AT_ONCE) -> None:
        """Merge in a process of its own: a pass over some accounts after the other."""
        if self._merger is not None and self._merger.poll() is None:
            return
        self.end_merging()
        self._merger = subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.soak.merger"),
                *(self.stack.credentials["org_id"], TABLE, str(self._rng.random()), str(most)),
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
            env={**os.environ, **aws.CREDENTIALS, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": self._endpoint},
        )

    def end_merging(self) -> None:
        """Kill it, if it runs. It must not have ended otherwise than by having nothing left to merge."""
        if self._merger is None:
            return
        self._merger.kill()
        out, _ = self._merger.communicate()
        self.merged += sum(map(int, out.split()))
        status, self._merger = self._merger.returncode, None
        if status not in {0, -signal.SIGKILL}:
            raise AssertionError(f"merging ended with status {status}")

    def merge_to_the_end(self) -> None:
        """Until nothing is left to merge."""
        self.end_merging()
        self.keep_merging(EVERY_ACCOUNT)
        if self._merger is not None:
            self._merger.wait(SETTLE_SECONDS)
        self.end_merging()

    def settle(self) -> None:
        """Until every message is worked off, also those of killed workers; requests to merge wait for minutes, and may."""
        deadline = time.monotonic() + SETTLE_SECONDS
        quiet = 0
        while quiet < QUIET_LOOKS:
            if time.monotonic() > deadline:
                raise AssertionError(f"messages are left\n{self.stack.log()}")
            queues = ask(self.stack.data_dir, "status", {})["queues"].values()
            left = sum(queue["waiting"] + queue["in_flight"] for queue in queues)
            quiet = 0 if left else quiet + 1
            self.keep_merging()
            self._progress.say(partial("{} messages are left".format, left))
            time.sleep(0.1)

    def dead_letters(self) -> list[str]:
        """What was given up."""
        sqs = aws.client("sqs", self.stack.store_endpoint)
        name, found = "ApproximateNumberOfMessages", []
        for url in sqs.list_queues()["QueueUrls"]:
            count = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
            if "DeadLetter" in url and count != "0":
                found.append(f"{count} messages of {url}")
        return found

    def _store(self) -> str:
        live = find(self._data_dir)
        if live is None:
            raise ConnectionError("the store is not there")
        return live.endpoint
