"""The commands, and whose stack they speak to."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from console import replay
from console.admin import Admin, AdminError, of_aws, of_embedded_stack

FAILED: Final = 2


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what it does in a line, the arguments it takes, and how it runs."""

    about: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Admin, str, argparse.Namespace, TextIO], int]


COMMANDS: Final[Mapping[str, Command]] = {
    "replay": Command("calculate a bill again from its record and compare", replay.add_arguments, replay.run),
}


def main(words: Sequence[str], out: TextIO | None = None) -> int:
    """Run a command; answers its exit status, 2 when it could not run."""
    arguments = _parser().parse_args(words)
    try:
        admin = of_aws(arguments.function) if arguments.function else of_embedded_stack(arguments.data_dir.resolve())
        organization = arguments.organization or _own_organization(arguments.data_dir)
        return COMMANDS[arguments.command].run(admin, organization, arguments, out or sys.stdout)
    except (AdminError, OSError, ValueError, KeyError) as failed:
        print(f"{arguments.command}: {failed}", file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="usance", description="Commands for who runs Usance.")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--organization", metavar="ID", help="id of the organization; else the embedded stack's own")
    common.add_argument(
        "--data-dir", type=Path, default=Path(".usance"), help="where the embedded stack keeps everything"
    )
    common.add_argument("--function", metavar="NAME", help="the admin function on AWS (output AdminFunctionName)")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        command.add_arguments(commands.add_parser(name, parents=[common], help=command.about))
    return parser


def _own_organization(data_dir: Path) -> str:
    """The organization that the embedded stack made at its first start."""
    return str(json.loads((data_dir / "credentials.json").read_text())["org_id"])
