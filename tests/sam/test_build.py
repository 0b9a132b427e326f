"""`sam build` makes what Lambda runs, without Docker and without Python 3.13."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.template import read_template
from tools.sam_local import ARCHITECTURE, PROJECT

UNZIPPED_BYTES_MAX = 262_144_000  # Lambda's limit for a function with all its layers
MACHINES = {"x86_64": 62, "arm64": 183}  # e_machine of the ELF header
LAYERS = {"SharedLayer": "shared", "DuckdbLayer": "duckdb", "ConnectorsLayer": "connectors"}


def machines(folder: Path) -> set[int]:
    """Processors that the compiled files of a folder are for."""
    headers = [path.read_bytes()[:20] for path in folder.rglob("*.so*") if path.is_file()]
    assert headers
    return {int.from_bytes(header[18:20], "little") for header in headers}


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_package_and_its_libraries_are_in_the_shared_layer(built: Path) -> None:
    layer = built / "SharedLayer" / "python"
    assert (layer / "usance" / "domain" / "kernel" / "money.py").exists()
    assert list((layer / "pydantic_core").glob("*.cpython-313-*-linux-gnu.so"))
    assert not (layer / "boto3").exists()
    assert not list(layer.rglob("__pycache__"))


def test_files_that_are_no_code_are_in_the_layer_too(built: Path) -> None:
    source = PROJECT / "layers/shared/src/usance"
    data = {path.relative_to(source) for path in source.rglob("*") if path.suffix in {".lark", ".typed"}}
    assert all((built / "SharedLayer/python/usance" / path).exists() for path in data)


def test_duckdb_is_in_a_layer_of_its_own(built: Path) -> None:
    assert (built / "DuckdbLayer" / "python" / "duckdb" / "__init__.py").exists()
    assert not (built / "SharedLayer" / "python" / "duckdb").exists()


def test_the_libraries_of_connectors_are_in_a_layer_of_their_own(built: Path) -> None:
    assert (built / "ConnectorsLayer" / "python" / "stripe" / "__init__.py").exists()
    assert not (built / "SharedLayer" / "python" / "stripe").exists()


def test_layers_and_function_stay_within_what_lambda_unpacks(built: Path) -> None:
    assert size_of(built / "SharedLayer") + size_of(built / "DuckdbLayer") < UNZIPPED_BYTES_MAX


def test_a_function_is_its_two_files(built: Path) -> None:
    template = read_template(built / "template.yaml")
    for logical_id, row in template["Resources"].items():
        if row["Type"] == "AWS::Serverless::Function":
            assert {path.name for path in (built / logical_id).iterdir()} == {"__init__.py", "app.py"}


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_are_compiled_for_the_processor_of_the_functions(built: Path, layer: str) -> None:
    assert machines(built / layer) == {MACHINES[ARCHITECTURE]}


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_can_be_built_for_another_processor_than_the_builder_has(layer: str, tmp_path: Path) -> None:
    other = next(name for name in MACHINES if name != ARCHITECTURE)
    source = tmp_path / "source"
    shutil.copytree(PROJECT / "layers" / LAYERS[layer], source)
    variables = [f"ARTIFACTS_DIR={tmp_path / 'built'}", f"ARCHITECTURE={other}", f"PYTHON={sys.executable}"]
    subprocess.run(["make", "--silent", f"build-{layer}", *variables], cwd=source, check=True, timeout=300)
    assert machines(tmp_path / "built") == {MACHINES[other]}
