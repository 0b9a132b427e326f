"""The project's own files as values."""

from pathlib import Path
from typing import Any

import pytest

from local.template import read_template

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    return read_template(PROJECT / "template.yaml")


@pytest.fixture(scope="session")
def functions(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Properties of every function, by the name of its folder."""
    return {
        row["Properties"]["CodeUri"].removeprefix("functions/"): row["Properties"]
        for row in template["Resources"].values()
        if row["Type"] == "AWS::Serverless::Function"
    }
