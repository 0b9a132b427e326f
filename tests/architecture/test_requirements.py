"""What is installed is pinned and hashed, and no file says where from."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
LOCKED = sorted([*(PROJECT / "requirements").glob("*.txt"), *(PROJECT / "layers").glob("*/requirements.txt")])
WANTED = sorted([*(PROJECT / "requirements").glob("*.in"), *(PROJECT / "layers").glob("*/requirements.in")])


def short(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[a-z0-9,_-]+\])?==([^ ;\\]+)", path.read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", LOCKED, ids=short)
def test_every_requirement_is_pinned_and_hashed(path: Path) -> None:
    requirements = re.sub(r"\\\n", " ", path.read_text()).splitlines()
    for line in requirements:
        assert re.match(r"^[a-z0-9._\[\],-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line[:80]
    assert len(requirements) == len(pins(path))


@pytest.mark.parametrize("path", LOCKED + WANTED, ids=short)
def test_no_requirement_file_names_an_address(path: Path) -> None:
    text = path.read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


@pytest.mark.parametrize("path", WANTED, ids=short)
def test_requirement_files_are_current(path: Path) -> None:
    locked = pins(path.with_suffix(".txt"))
    for line in path.read_text().splitlines():
        name = re.match(r"[a-z0-9._-]+", line.lower())
        if name and not line.startswith("-"):
            assert name[0] in locked, f"{name[0]} is not in {short(path.with_suffix('.txt'))}: run `make lock`"


@pytest.mark.parametrize("layer", ["shared", "duckdb", "connectors"])
def test_layers_carry_the_versions_that_the_tests_run_with(layer: str) -> None:
    tested = pins(PROJECT / "requirements/dev.txt")
    carried = pins(PROJECT / f"layers/{layer}/requirements.txt")
    assert {name: tested.get(name) for name in carried} == carried


def test_the_lambda_runtime_brings_the_sdk_of_aws() -> None:
    assert "boto3" not in pins(PROJECT / "layers/shared/requirements.txt")
