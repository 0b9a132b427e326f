"""`usance import-organization`: puts an organization back from a backup, where nothing of it is."""

import argparse
import sys
from pathlib import Path
from typing import Final

from usance.bootstrap.command import Reach
from usance.domain.kernel.errors import InvalidInputError
from usance.entrypoints.command.backup_files import bring_backup, key_in

COMPLETE: Final = 0


def add_arguments(parser: argparse.ArgumentParser, _common: argparse.ArgumentParser) -> None:
    """What the command takes besides the common options."""
    parser.add_argument("--from", dest="folder", type=Path, help="folder with the backup")
    parser.add_argument("--backup", help="else: id of a backup that is in the bucket, of the organization --org")
    parser.add_argument("--key-file", type=Path, help="file with the key that the backup was made with")
    parser.set_defaults(run=run)


def run(reached: Reach, arguments: argparse.Namespace) -> int:
    """Bring the files if there is a folder, then go on until the organization is there."""
    if (arguments.folder is None) == (arguments.backup is None):
        raise InvalidInputError("one of --from and --backup is required")
    if arguments.folder:
        manifest = bring_backup(reached, arguments.folder)
        org_id, backup_id = manifest["orgId"], manifest["backupId"]
    else:
        org_id, backup_id = reached.organization(arguments.org), arguments.backup
    asked = {"action": "importOrganization", "orgId": org_id, "backupId": backup_id, "key": key_in(arguments.key_file)}
    answer = reached.invoke(asked)
    while answer["finishedAt"] is None:
        sys.stdout.write(f"{org_id}: {answer['stage']}\n")
        answer = reached.invoke(asked)
    rows = ", ".join(f"{one['rows']:,} rows of {table}" for table, one in answer["tables"].items())
    sys.stdout.write(f"{org_id} is there again: {rows}\n")
    return COMPLETE
