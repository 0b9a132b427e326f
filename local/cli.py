"""The commands of the embedded stack."""

import argparse
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from local import store
from local.control import ControlError, ask
from local.serve import ServeError, serve, stop_serving
from local.stack import Options
from local.store import PROJECT, StoreError
from local.template import TemplateError, read_template
from local.workers import FunctionError

_DATA_DIR: Final = Path(".usance")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description="Runs template.yaml on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data-dir", type=Path, default=_DATA_DIR, help="where the stack keeps everything")

    run = commands.add_parser("serve", parents=[common], help="run the stack until Ctrl-C")
    run.add_argument("--port", type=int, default=8700, help="port of the HTTP API; 0 for any free one")
    run.add_argument("--host", default="127.0.0.1", help="address of the HTTP API")
    run.add_argument("--template", type=Path, default=PROJECT / "template.yaml", help="the SAM template")
    run.add_argument("--credentials", type=Path, help="file to write base_url, org_id, api_key and api_secret to")
    run.add_argument("--fresh", action="store_true", help="delete everything that an earlier run kept")
    run.add_argument("--concurrency", type=int, default=4, help="most workers of one function")
    run.add_argument("--functions-endpoint", metavar="URL", help="a proxy of yours by which functions reach the store")
    run.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE", help="parameter of the template")

    fire = commands.add_parser("fire", parents=[common], help="deliver the event of a schedule now")
    fire.add_argument("schedule", help="logical id of the schedule")
    fire.add_argument("--time", required=True, type=_moment, help="time that the event carries: 2026-02-01T00:00:00Z")

    invoke = commands.add_parser("invoke", parents=[common], help="run a function with an event")
    invoke.add_argument("function", help="logical id of the function")
    invoke.add_argument("event", type=Path, help="JSON file of the event")

    commands.add_parser("status", parents=[common], help="say what is running")
    settle = commands.add_parser("settle", parents=[common], help="wait until queues and streams are worked off")
    settle.add_argument("--seconds", type=float, default=60, help="wait no longer than this")
    commands.add_parser("stop", parents=[common], help="stop the stack, or the store that a killed one left")
    return parser


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        message = f"{text} has no time zone: write 2026-02-01T00:00:00Z"
        raise argparse.ArgumentTypeError(message)
    return moment


def _parameters(pairs: Sequence[str]) -> Mapping[str, str]:
    split = [pair.partition("=") for pair in pairs]
    for name, sign, _ in split:
        if not sign:
            message = f"--parameter {name}: write NAME=VALUE"
            raise ServeError(message)
    return {name: value for name, _, value in split}


def _serve(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("waitress").setLevel(logging.ERROR)
    options = Options(
        template=read_template(arguments.template),
        data_dir=arguments.data_dir.resolve(),
        credentials=arguments.credentials.resolve() if arguments.credentials else None,
        port=arguments.port,
        host=arguments.host,
        concurrency=arguments.concurrency,
        functions_endpoint=arguments.functions_endpoint,
        parameters=_parameters(arguments.parameter),
    )
    return serve(options, fresh=arguments.fresh)


def _stop(data_dir: Path) -> int:
    served = stop_serving(data_dir)
    stopped = store.stop(data_dir) or served
    print("stopped; everything is saved" if stopped else "nothing was running", file=sys.stderr)
    return 0


def _ask(arguments: argparse.Namespace) -> Any:
    data_dir = arguments.data_dir.resolve()
    match arguments.command:
        case "fire":
            return ask(data_dir, "fire", {"schedule": arguments.schedule, "time": arguments.time.isoformat()})
        case "invoke":
            event = json.loads(arguments.event.read_text())
            return ask(data_dir, "invoke", {"function": arguments.function, "event": event})
        case command:
            return ask(data_dir, command, {"seconds": getattr(arguments, "seconds", 0)})


def main(words: Sequence[str]) -> int:
    """Run one command; returns the exit status."""
    arguments = _parser().parse_args(words)
    try:
        if arguments.command == "serve":
            return _serve(arguments)
        if arguments.command == "stop":
            return _stop(arguments.data_dir.resolve())
        print(json.dumps(_ask(arguments), indent=2))
    except (ServeError, StoreError, TemplateError, ControlError, FunctionError, OSError, ValueError) as failed:
        print(f"{arguments.command}: {failed}", file=sys.stderr)
        return 1
    return 0
