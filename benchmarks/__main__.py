"""`python -m benchmarks [--out FILE] [--suite NAME ...]`: measure, print the table, save it as JSON."""

import argparse
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import api, bill_run, billing, costs, imports, rules, uploads, usage, webhooks
from benchmarks.figures import Figure, table
from benchmarks.soak import run
from benchmarks.soak.truth import Plan

SUITES: Mapping[str, Callable[[argparse.Namespace], list[Figure]]] = {
    "usage": lambda _: usage.figures(),
    "billing": lambda _: billing.figures(),
    "costs": lambda _: costs.figures(),
    "api": lambda _: api.figures(),
    "bill_run": lambda arguments: bill_run.figures(arguments.accounts or bill_run.ACCOUNTS),
    "uploads": lambda arguments: uploads.figures(arguments.bytes),
    "webhooks": lambda _: [*webhooks.figures(), *rules.figures()],
    "imports": lambda _: imports.figures(),
    "soak": lambda arguments: run.figures(_plan(arguments)),
}
LONG = frozenset({"soak"})  # only when asked for


def _plan(arguments: argparse.Namespace) -> Plan:
    wanted = {name: getattr(arguments, name) for name in ("events", "accounts", "kills", "seed", "minutes")}
    return Plan(**{name: value for name, value in wanted.items() if value is not None})


def main() -> None:
    """Run the suites asked for; by default all but those that take an hour."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks.json"))
    parser.add_argument("--suite", choices=SUITES, action="append")
    parser.add_argument("--accounts", type=int, help="of the bill run, or of the soak")
    parser.add_argument("--bytes", type=int, default=uploads.SIZE_BYTES, help="of the file that is uploaded")
    parser.add_argument("--events", type=int, help="of the soak")
    parser.add_argument("--kills", type=int, help="of the soak")
    parser.add_argument("--seed", type=int, help="of the soak")
    parser.add_argument("--minutes", type=float, help="of sending in the soak, which leaves the rest of its events")
    arguments = parser.parse_args()
    measured: list[Figure] = []
    for name in arguments.suite or [name for name in SUITES if name not in LONG]:
        measured += SUITES[name](arguments)
    print(table(measured))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(
        json.dumps(
            {
                "measured": datetime.now(UTC).isoformat(timespec="seconds"),
                "machine": platform.platform(),
                "python": platform.python_version(),
                "figures": [{**asdict(figure), "ratio": figure.ratio} for figure in measured],
            },
            indent=1,
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
