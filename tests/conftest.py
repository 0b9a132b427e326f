"""A whole run of the tests has called every method of the official SDK, by each client that it tries; else it fails."""

import gc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("everyday", deadline=None)  # how long an example takes is the machine's affair
settings.register_profile("thorough", max_examples=20_000, deadline=None)
settings.load_profile("everyday")

FOLDER = Path(__file__).parent

TRIED = {
    "": ("sync", "async"),
    "not sam and not crash and not async_client and not dynamodb_local": ("sync",),
    "async_client": ("async",),
}
"""The clients whose tests are all among those asked for, by what `-m` says."""

CRASH = "crash"
SLOW = (CRASH, "conformance", "local", "contract")  # folders whose tests start stacks or stores

answered: set[str] = set()


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow tests come first, so that quick ones fill the end of a run on several processes.

    Those of a folder stay together, for its stack ends with the last of them.
    """
    for item in items:
        if _folder(item) == CRASH:
            item.add_marker(CRASH)
    items.sort(key=lambda item: SLOW.index(_folder(item)) if _folder(item) in SLOW else len(SLOW))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What collecting made stays until the end; the garbage collector need not go through it again and again."""
    gc.freeze()


def pytest_unconfigure() -> None:
    gc.unfreeze()  # at its end the interpreter takes down everything, which some libraries check


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(FOLDER).parts[0]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    from tests.conformance.methods import ANSWERED

    answered.update(getattr(node, "workeroutput", {}).get(ANSWERED, ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput") or session.testsfailed:
        return
    if missing_methods(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    from tests.conformance import methods

    if not (answered or methods.answered):
        return
    for kind in methods.KINDS:
        every = {f"{kind} {name}" for _, _, name in methods.methods(kind)}
        covered = len(every & (answered | methods.answered))
        if covered:
            terminalreporter.write_line(f"official SDK, {kind}: covered {covered}/{len(every)}")
    for name in missing_methods(config):
        terminalreporter.write_line(f"no test calls {name}, or it did not answer", red=True)


def missing_methods(config: pytest.Config) -> list[str]:
    """Those that should have been called in this run and were not."""
    from tests.conformance import methods

    every = {f"{kind} {name}" for kind in _tried(config) for _, _, name in methods.methods(kind)}
    return sorted(every - answered - methods.answered)


def _tried(config: pytest.Config) -> tuple[str, ...]:
    """The clients of the SDK of which every test was asked for."""
    whole = {FOLDER.parent, FOLDER, FOLDER / "conformance"}
    named = {Path(config.invocation_params.dir, argument).resolve() for argument in config.args}
    narrower = any(config.getoption(option, None) for option in ("keyword", "lf", "deselect", "maxfail"))
    return TRIED.get(config.getoption("markexpr"), ()) if named & whole and not narrower else ()
