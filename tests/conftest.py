"""A whole run of the tests has called every method of the official SDK, by both of its clients; else it fails."""

from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent

answered: set[str] = set()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    from tests.conformance.methods import ANSWERED

    answered.update(getattr(node, "workeroutput", {}).get(ANSWERED, ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput") or not _is_whole(session.config) or session.testsfailed:
        return
    if missing_methods():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    from tests.conformance import methods

    if not (answered or methods.answered):
        return
    for kind in methods.KINDS:
        every = {f"{kind} {name}" for _, _, name in methods.methods(kind)}
        covered = len(every & (answered | methods.answered))
        terminalreporter.write_line(f"official SDK, {kind}: covered {covered}/{len(every)}")
    if _is_whole(config):
        for name in missing_methods():
            terminalreporter.write_line(f"no test calls {name}, or it did not answer", red=True)


def missing_methods() -> list[str]:
    from tests.conformance import methods

    every = {f"{kind} {name}" for kind in methods.KINDS for _, _, name in methods.methods(kind)}
    return sorted(every - answered - methods.answered)


def _is_whole(config: pytest.Config) -> bool:
    """Whether every test against the SDK was asked for."""
    whole = {FOLDER.parent, FOLDER, FOLDER / "conformance"}
    named = {Path(config.invocation_params.dir, argument).resolve() for argument in config.args}
    options = ("keyword", "lf", "deselect", "maxfail")
    return bool(named & whole) and not any(config.getoption(option, None) for option in options)
