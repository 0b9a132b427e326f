"""The process apart that runs customers' queries."""

import atexit
from functools import cache
from typing import Final

from usance.adapters.child_process import ChildProcess

LINE_MAX: Final = 8_192  # bytes of an answer: a number, or what is wrong


@cache
def sql_process() -> ChildProcess:
    """The one of this process: it lives as long, so that only a first query waits for DuckDB to be imported."""
    process = ChildProcess("usance.adapters.duckdb.sql_child", LINE_MAX)
    atexit.register(process.close)
    return process
