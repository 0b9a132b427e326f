"""The commands that write an organization to a folder and put it back."""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.application.backup.test_backup import ORG, Deployment, source, theirs
from usance.application.backup.export_organization import begin_export, export_organization, summary_of_export
from usance.application.backup.import_organization import import_organization, summary_of_import
from usance.application.backup.transfer import download_urls, upload_urls
from usance.application.ports.organization_rows import Table
from usance.bootstrap.command import Reach
from usance.entrypoints.command import main

__all__ = ["source"]  # a fixture


def reach(deployment: Deployment) -> Any:
    """How the command reaches a deployment in memory; its admin function does a step at a time."""
    ports = deployment.ports

    def invoke(event: Mapping[str, Any]) -> Any:
        org_id, backup_id, key = event["orgId"], event["backupId"], event.get("key")
        if event["action"] == "exportOrganization":
            backup_id = backup_id or begin_export(ports, org_id, key)["backupId"]
            return summary_of_export(export_organization(ports, org_id, backup_id, key, time_is_up=once()))
        if event["action"] == "importOrganization":
            return summary_of_import(import_organization(ports, org_id, backup_id, key, time_is_up=once()))
        if "download" in event:
            return download_urls(ports, org_id, backup_id, event["download"])
        return upload_urls(ports, org_id, backup_id, event["upload"])

    def fetch(url: str, path: Path) -> None:
        path.write_bytes(deployment.blobs.fetch(url)[0])

    def send(url: str, headers: Mapping[str, str], path: Path) -> None:
        deployment.blobs.upload(url, path.read_bytes(), headers)

    return lambda *_: Reach(invoke, lambda url: deployment.blobs.fetch(url)[0], ORG, fetch, send)


def once() -> Any:
    answers = iter([False])
    return lambda: next(answers, True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backup"


def test_a_folder_carries_an_organization_to_another_deployment(source: Deployment, folder: Path) -> None:
    key = folder.parent / "key"
    words = ["--out", str(folder), "--key-file", str(key)]
    assert main(["export-organization", *words], reach(source)) == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    target = Deployment("b")
    assert main(["import-organization", "--from", str(folder), "--key-file", str(key)], reach(target)) == 0
    assert theirs(target) == theirs(source)


def test_an_export_that_was_fetched_in_part_is_fetched_to_its_end(source: Deployment, folder: Path) -> None:
    assert main(["export-organization", "--without-secrets", "--out", str(folder)], reach(source)) == 0
    whole = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    backup_id = next(key for key in source.blobs.objects if "/backups/" in key).split("/")[2]
    (folder / "manifest.json").unlink()
    (folder / "files" / "00000000").unlink()
    (folder / "entities-00000.jsonl.gz").write_bytes(b"half")
    again = ["export-organization", "--without-secrets", "--out", str(folder), "--backup", backup_id]
    assert main(again, reach(source)) == 0
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == whole


def test_an_organization_that_changes_meanwhile_ends_with_1_and_is_not_fetched(
    source: Deployment, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(table: Table, after: Any) -> None:
        if table is Table.USAGE and after is None:
            source.entity("product", "late")

    source.rows.before_page = change
    assert main(["export-organization", "--without-secrets", "--out", str(folder)], reach(source)) == 1
    assert "NOT consistent: entities changed" in capsys.readouterr().out
    assert not folder.exists()


@pytest.mark.parametrize("name", ["manifest.json", "usage-00000.jsonl.gz", "files/00000001"])
def test_a_folder_that_lacks_a_file_or_has_another_is_refused_before_anything_is_put_back(
    source: Deployment, folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["export-organization", "--without-secrets", "--out", str(folder)], reach(source)) == 0
    (folder / name).unlink()
    target = Deployment("b")
    assert main(["import-organization", "--from", str(folder)], reach(target)) == 2
    assert name in capsys.readouterr().err
    assert not any(target.rows.tables.values())


def test_a_backup_in_the_bucket_needs_no_folder(source: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export-organization", "--without-secrets"], reach(source)) == 0
    backup_id = next(key for key in source.blobs.objects if "/backups/" in key).split("/")[2]
    target = Deployment("b")
    target.take(source, backup_id)
    assert main(["import-organization", "--backup", backup_id], reach(target)) == 0
    assert f"{ORG} is there again" in capsys.readouterr().out
    assert main(["import-organization"], reach(target)) == 2
    assert "one of --from and --backup" in capsys.readouterr().err


def test_it_must_be_said_what_becomes_of_credentials(source: Deployment) -> None:
    with pytest.raises(SystemExit):
        main(["export-organization"], reach(source))
