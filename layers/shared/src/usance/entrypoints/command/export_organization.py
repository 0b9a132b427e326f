"""`usance export-organization`: writes all that an organization holds to a backup, in the bucket and in a folder."""

import argparse
import secrets
import sys
from pathlib import Path
from typing import Final

from usance.bootstrap.command import Reach
from usance.entrypoints.command.backup_files import fetch_backup, key_in

COMPLETE: Final = 0
CHANGED: Final = 1


def add_arguments(parser: argparse.ArgumentParser, _common: argparse.ArgumentParser) -> None:
    """What the command takes besides the common options."""
    parser.add_argument("--out", type=Path, help="folder to fetch the backup into; else it stays in the bucket")
    parser.add_argument("--backup", help="id of a backup to go on with, or to fetch; else a new one begins")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--key-file", type=Path, help="file with the key of credentials; made when it is not there")
    choice.add_argument("--without-secrets", action="store_true", help="leave out credentials and access keys")
    parser.set_defaults(run=run)


def run(reached: Reach, arguments: argparse.Namespace) -> int:
    """Go on until it is complete: 0 then, 1 when the organization changed meanwhile."""
    org_id = reached.organization(arguments.org)
    if arguments.key_file and not arguments.key_file.exists():
        arguments.key_file.touch(mode=0o600)
        arguments.key_file.write_text(secrets.token_urlsafe(32) + "\n", encoding="utf-8")
    asked = {"action": "exportOrganization", "orgId": org_id, "key": key_in(arguments.key_file)}
    answer = reached.invoke({**asked, "backupId": arguments.backup})
    while answer["finishedAt"] is None:
        sys.stdout.write(f"backup {answer['backupId']}: {answer['stage']} {answer['table'] or ''}\n")
        answer = reached.invoke({**asked, "backupId": answer["backupId"]})
    rows = ", ".join(f"{one['rows']:,} rows of {table}" for table, one in answer["tables"].items())
    sys.stdout.write(f"backup {answer['backupId']} of {org_id}: {rows}, {answer['files']['count']:,} files\n")
    if answer["changed"]:
        sys.stdout.write(
            f"NOT consistent: {', '.join(answer['changed'])} changed while they were read; "
            "export again when nothing writes to the organization\n"
        )
        return CHANGED
    if arguments.out:
        count = fetch_backup(reached, org_id, answer["backupId"], arguments.out)
        sys.stdout.write(f"{count:,} files in {arguments.out}\n")
    return COMPLETE
