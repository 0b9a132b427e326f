"""The command `usance`: what who runs a deployment does by its admin function, on AWS or of the embedded stack."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from usance.bootstrap.command import Reach, reach
from usance.domain.kernel.errors import UsanceError
from usance.entrypoints.command import audit, export_organization, import_organization, replay

FAILED: Final = 2


def main(words: Sequence[str] | None = None, connect: Callable[[str | None, Path], Reach] = reach) -> int:
    """Run one command: 0 when all is as it should be, 1 when something differs or is not genuine, 2 when it failed."""
    arguments = _parser().parse_args(words)
    try:
        return int(arguments.run(connect(arguments.function, arguments.data_dir), arguments))
    except (UsanceError, OSError) as failed:
        sys.stderr.write(f"usance {arguments.command}: {failed}\n")
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="usance", description="Works with a deployment of Usance.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, add_arguments, about in (
        ("audit", audit.add_arguments, "prove accepted = stored = exported = billed"),
        ("replay", replay.add_arguments, "calculate a bill again from its record and compare"),
        ("export-organization", export_organization.add_arguments, "write all that an organization holds to a backup"),
        ("import-organization", import_organization.add_arguments, "put an organization back from a backup"),
    ):
        add_arguments(commands.add_parser(name, parents=[_common()], help=about), _common(again=True))
    return parser


def _common(*, again: bool = False) -> argparse.ArgumentParser:
    """What every command takes. Those of a command within a command, `again`, leave what was said before it as it is."""
    function, data_dir, org = [argparse.SUPPRESS] * 3 if again else (None, Path(".usance"), None)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--function", default=function, help="name of the deployment's admin function (output AdminFunctionName)"
    )
    common.add_argument("--data-dir", type=Path, default=data_dir, help="else: the embedded stack on this folder")
    common.add_argument("--org", default=org, help="id of the organization; else the one that the embedded stack made")
    return common
