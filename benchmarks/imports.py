"""What each function's import costs, beside the import of every library it loads, Python's own included, and no more.

Both are processor time, and the least of several runs: what else the machine does makes no import dearer.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.figures import Figure

RUNS = 5
SECONDS_MAX = 0.4
RATIO_MAX = 1.3
ROOT = Path(__file__).resolve().parent.parent

# Prints the seconds of processor time that importing argv[1:] took and the modules that it loaded and are not ours, in order.
MEASURE = """
import json, sys, time
before = set(sys.modules)
start = time.process_time()
for name in sys.argv[1:]:
    __import__(name)
seconds = time.process_time() - start
loaded = [name for name in sys.modules if name not in before]
libraries = [name for name in loaded if name.partition(".")[0] not in {"usance", "functions"}]
print(json.dumps([seconds, libraries]))
"""


def figures() -> list[Figure]:
    """One figure per function folder."""
    names = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
    return [_figure(name) for name in names]


def _figure(name: str) -> Figure:
    module = f"functions.{name}.app"
    _, libraries = _import(module)
    pairs = [(_import(module)[0], _import(*libraries)[0]) for _ in range(RUNS)]
    seconds = min(own for own, _ in pairs)
    floor = min(bare for _, bare in pairs)
    return Figure(
        name=f"import {name}",
        value=seconds,
        unit="s",
        beside_name="its libraries alone",
        beside=floor,
        target=f"≤ {SECONDS_MAX} s and ≤ {RATIO_MAX}×",
        met=seconds <= SECONDS_MAX and seconds <= RATIO_MAX * floor,
    )


def _import(*modules: str) -> tuple[float, list[str]]:
    # Both sides start from bytecode, whatever this process was told about writing it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, *modules],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment,
        timeout=60,
    )
    seconds, libraries = json.loads(run.stdout.splitlines()[-1])
    return seconds, libraries
