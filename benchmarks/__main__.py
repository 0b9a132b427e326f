"""`python -m benchmarks [--out FILE]`: measure, print the table, save it as JSON."""

import argparse
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import api, bill_run, billing, costs, imports, usage
from benchmarks.figures import Figure, table

SUITES: Mapping[str, Callable[[argparse.Namespace], list[Figure]]] = {
    "usage": lambda _: usage.figures(),
    "billing": lambda _: billing.figures(),
    "costs": lambda _: costs.figures(),
    "api": lambda _: api.figures(),
    "bill_run": lambda arguments: bill_run.figures(arguments.accounts),
    "imports": lambda _: imports.figures(),
}


def main() -> None:
    """Run the suites asked for (all of them by default)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks.json"))
    parser.add_argument("--suite", choices=SUITES, action="append")
    parser.add_argument("--accounts", type=int, default=bill_run.ACCOUNTS, help="of the bill run")
    arguments = parser.parse_args()
    measured: list[Figure] = []
    for name in arguments.suite or SUITES:
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
