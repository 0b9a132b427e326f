"""The documents name what an operator or a caller meets."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from usance.domain.kernel import errors

PROJECT = Path(__file__).resolve().parents[2]
Functions = dict[str, dict[str, Any]]


def text_of(*names: str) -> str:
    return "\n".join((PROJECT / name).read_text() for name in names)


@pytest.fixture(scope="module")
def everything() -> str:
    return "\n".join(path.read_text() for path in (*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")))


def test_every_function_is_in_the_architecture(functions: Functions) -> None:
    text = text_of("docs/architecture.md")
    assert [name for name in functions if name not in text] == []


def test_every_environment_variable_is_in_the_operations_guide(functions: Functions, template: dict[str, Any]) -> None:
    names = set(template["Globals"]["Function"]["Environment"]["Variables"])
    names |= {name for function in functions.values() for name in function["Environment"]["Variables"]}
    text = text_of("docs/operations.md")
    assert [name for name in sorted(names) if name not in text] == []


def test_every_parameter_and_output_is_in_the_operations_guide(template: dict[str, Any]) -> None:
    text = text_of("docs/operations.md")
    assert [name for name in (*template["Parameters"], *template["Outputs"]) if name not in text] == []


def test_every_environment_variable_that_is_read_is_set_and_the_other_way_round(functions: Functions) -> None:
    read = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', text_of("layers/shared/src/usance/settings.py")))
    own = {name for function in functions.values() for name in function["Environment"]["Variables"]}
    assert own - {"POWERTOOLS_SERVICE_NAME"} == read


def kinds_of(error: type[errors.UsanceError]) -> set[str]:
    return {error.code}.union(*(kinds_of(kind) for kind in error.__subclasses__()))


def test_every_error_code_is_documented(everything: str) -> None:
    codes = kinds_of(errors.UsanceError) - {errors.UsanceError.code}
    assert [code for code in sorted(codes) if code not in everything] == []


def test_every_make_target_that_the_documents_name_is_there(everything: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", everything)) <= targets


@pytest.mark.parametrize("path", sorted(PROJECT.glob("*.md")) + sorted((PROJECT / "docs").rglob("*.md")), ids=str)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_what_watching_costs_is_counted_from_the_template(template: dict[str, Any]) -> None:
    resources = template["Resources"].values()
    alarms = [one["Properties"]["Metrics"] for one in resources if one["Type"] == "AWS::CloudWatch::Alarm"]
    looked_at = sum("MetricStat" in metric for metrics in alarms for metric in metrics)
    text = text_of("docs/operations.md")
    assert f"each of the {looked_at} metrics they look at, US${Decimal(looked_at) / 10:.2f} together" in text
    counted = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"].count('"service"')
    assert f"The {counted} metrics that functions count" in text
