"""`python -m tools.sam_local FUNCTION EVENT`: `sam local invoke`, against the stores of the embedded stack.

SAM passes a container only the variables that the template names, and knows the stores by logical ids. So the built
template is written once more, with the environment that the embedded stack gives to the same functions.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Final

from local import aws, store
from local.intrinsics import Resolver
from local.names import REGION, Names
from local.plan import read_plan
from local.resources import create_resources
from local.template import read_template
from tools.relay import reachable_from_containers

PROJECT: Final = Path(__file__).resolve().parent.parent
SAM: Final = PROJECT / ".venv-sam" / "bin" / "sam"
ARCHITECTURE: Final = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"


def environment(endpoint: str | None = None) -> dict[str, str]:
    """What the SAM command line runs with: nothing of a real account, this processor, this Python.

    It asks for the account's id before an invocation; `endpoint` is the store that can say it without delay.
    """
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **aws.CREDENTIALS,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
        "ARCHITECTURE": ARCHITECTURE,
        "PYTHON": sys.executable,
        **({"AWS_ENDPOINT_URL_STS": endpoint} if endpoint else {}),
    }


def local_template(built: Path, endpoint: str, seen: str) -> Path:
    """Writes, beside the built template, one whose functions use the store; makes what the store lacks.

    `endpoint` is the store's address here, `seen` the address under which containers reach it.
    """
    template = read_template(PROJECT / "template.yaml")
    names = Names(template, endpoint)
    resolver = Resolver(template, names, {})
    create_resources(template, resolver, names, lambda service: aws.client(service, endpoint))
    result = read_template(built / "template.yaml")
    for logical_id, function in read_plan(template, resolver, names).functions.items():
        variables = {name: value.replace(endpoint, seen) for name, value in function.environment.items()}
        variables["AWS_ENDPOINT_URL"] = seen
        result["Resources"][logical_id]["Properties"]["Environment"] = {"Variables": variables}
    path = built / "embedded.json"
    path.write_text(json.dumps(result))
    return path


def invoke_command(function: str, event: Path, template: Path) -> list[str]:
    """The `sam local invoke` of one function."""
    return [
        *(str(SAM), "local", "invoke", function, "--event", str(event), "--template", str(template)),
        *("--skip-pull-image", "--parameter-overrides", f"Architecture={ARCHITECTURE}"),
    ]


def main() -> int:
    """The exit status of `sam local invoke`; 2 when there is no running stack."""
    parser = argparse.ArgumentParser(prog="python -m tools.sam_local", description=__doc__)
    parser.add_argument("function", help="logical id, such as EntitiesFunction")
    parser.add_argument("event", type=Path, help="file of the event")
    parser.add_argument("--data-dir", type=Path, default=Path(".usance"), help="of the embedded stack")
    parser.add_argument("--build-dir", type=Path, default=PROJECT / ".aws-sam" / "build", help="of `sam build`")
    arguments = parser.parse_args()
    live = store.find(arguments.data_dir.resolve())
    if live is None:
        print(f"no stack runs on {arguments.data_dir}: start one with `make serve`", file=sys.stderr)
        return 2
    with reachable_from_containers(live.endpoint) as seen:
        template = local_template(arguments.build_dir, live.endpoint, seen)
        command = invoke_command(arguments.function, arguments.event, template)
        return subprocess.run(command, env=environment(live.endpoint), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
