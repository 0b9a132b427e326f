"""The soak: send, disturb, kill, merge; then compare every account with what was sent."""

import contextlib
import random
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.patient import Patient
from benchmarks.soak.faults import Faults
from benchmarks.soak.reconcile import differences, failures
from benchmarks.soak.sending import Sending
from benchmarks.soak.stage import Stage
from benchmarks.soak.truth import FIELD, METER, Plan, Truth, Way


@dataclass(frozen=True)
class Outcome:
    """What happened, and `wrong`: the accounts that differ and whatever else must not be."""

    seconds: float
    sent: Mapping[str, int]
    faults: Mapping[str, int]
    repeated: Mapping[str, int]
    kills: Mapping[str, int]
    merged: int
    calls: int
    wrong: Sequence[str]


def soak(plan: Plan, folder: Path) -> Outcome:
    """Raises AssertionError when a request is refused for good, a file is not read or messages are left."""
    rng, truth, faults = random.Random(plan.seed), Truth(), Faults(plan.seed, plan.faults_percent)
    stage, sending = Stage(folder, faults, rng, plan), Sending(plan, truth, rng)
    repeated: Counter[str] = Counter()
    began = time.monotonic()
    with stage.running("direct"), contextlib.closing(Patient(stage.stack)) as api:
        meter_id = _make_meter(api)
        sending.send(api, [Way.REQUEST, Way.UPLOAD], stage.kill, stage.keep_merging)
        sending.wait_for_files(api, stage.keep_merging)
        stage.settle()
        repeated.update(api.repeated)
    with stage.running("buffered"), contextlib.closing(Patient(stage.stack)) as api:
        sending.send(api, [Way.BUFFERED], stage.kill, stage.keep_merging)
        stage.settle()
        seconds = time.monotonic() - began
        wrong = [f"while merging, {line}" for line in differences(api, meter_id, truth)]
        stage.merge_to_the_end()
        wrong += [f"merged, {line}" for line in differences(api, meter_id, truth)]
        wrong += [*stage.dead_letters(), *failures(api)]
        repeated.update(api.repeated)
    counts = {fault.value: count for fault, count in faults.counts.items()}
    return Outcome(seconds, sending.sent, counts, repeated, stage.kills, stage.merged, faults.calls, wrong)


def figures(plan: Plan) -> list[Figure]:
    """A line for everything that happened; nothing may be wrong."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = soak(plan, Path(folder))
    print("\n".join(outcome.wrong[:20]))
    events = sum(outcome.sent[way.value] for way in Way)
    counted = {
        "sent by": (outcome.sent, "events"),
        "calls of the store": (outcome.faults, "calls"),
        "repeated for": (outcome.repeated, "requests"),
        "killed:": (outcome.kills, "times"),
    }
    return [
        Figure("soak: events", events, "events"),
        Figure("soak: accounts", plan.accounts, "accounts"),
        Figure("soak: seconds until all was stored", outcome.seconds, "s"),
        Figure("soak: events a second, with faults", events / outcome.seconds, "events/s"),
        Figure("soak: calls of the store", outcome.calls, "calls"),
        *(
            Figure(f"soak: {what} {name}", count, unit)
            for what, (counts, unit) in counted.items()
            for name, count in sorted(counts.items())
        ),
        Figure("soak: items made by merging", outcome.merged, "items"),
        Figure("soak: differences", len(outcome.wrong), "", target="0", met=not outcome.wrong),
    ]


def _make_meter(api: Patient) -> str:
    """Accounts come about with their measurements."""
    measure = {"category": "MEASURE", "code": FIELD, "name": "Units", "unit": "1"}
    with contextlib.suppress(AssertionError):  # made although nobody heard of it, and then refused as taken
        api.call("POST", "/meters", {"code": METER, "name": "Soak", "dataFields": [measure], "derivedFields": []})
    [meter] = api.call("GET", f"/meters?codes={METER}")["data"]
    return str(meter["id"])
