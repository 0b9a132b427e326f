"""Where code may stand, and what may stand in it."""

import ast
from pathlib import Path

import pytest
from importlinter import cli

PACKAGE = Path("layers/shared/src/usance")
PROJECT = Path(__file__).resolve().parents[2]
DOMAIN = sorted((PROJECT / PACKAGE / "domain").rglob("*.py"))
FUNCTIONS = sorted((PROJECT / "functions").glob("*/app.py"))
FUNCTION_LINES_MAX = 25


def short(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def test_imports_follow_the_contracts(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr(cli, "_configure_logging", lambda _: None)  # it would disable the loggers of every later test
    assert cli.lint_imports(no_cache=True) == 0


@pytest.mark.parametrize("path", DOMAIN, ids=short)
def test_the_domain_has_no_floats(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        place = f"{short(path)}:{getattr(node, 'lineno', 0)}"
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float | complex)), place
        assert not (isinstance(node, ast.Name) and node.id == "float"), place
        assert not (isinstance(node, ast.Attribute) and node.attr == "float"), place


@pytest.mark.parametrize("path", DOMAIN, ids=short)
def test_the_domain_does_not_ask_for_the_time(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        place = f"{short(path)}:{getattr(node, 'lineno', 0)}"
        assert not (isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}), place


@pytest.mark.parametrize("path", FUNCTIONS, ids=short)
def test_a_function_file_decides_nothing(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= FUNCTION_LINES_MAX
    allowed = ast.Expr | ast.ImportFrom | ast.Assign
    for statement in ast.parse(text).body:
        assert isinstance(statement, allowed), f"{short(path)}:{statement.lineno}"


@pytest.mark.parametrize("folder", ["entrypoints", "resources"])
def test_annotations_are_real_where_they_are_read_at_run_time(folder: str) -> None:
    for path in (PROJECT / PACKAGE / folder).rglob("*.py"):
        assert "from __future__ import annotations" not in path.read_text(), short(path)
