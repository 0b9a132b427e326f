"""Invokes the `admin` function of a deployment."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local.control import ControlError, ask

Admin = Callable[[Mapping[str, Any]], Any]
LOGICAL_ID = "AdminFunction"


class AdminError(Exception):
    """The function could not be invoked, or refused; the message says why."""


def of_embedded_stack(data_dir: Path) -> Admin:
    """The function of the stack that runs on a data directory."""

    def invoke(event: Mapping[str, Any]) -> Any:
        try:
            return ask(data_dir, "invoke", {"function": LOGICAL_ID, "event": dict(event)})
        except ControlError as failed:
            raise AdminError(str(failed)) from failed

    return invoke


def of_aws(name: str) -> Admin:
    """The function of this name, in the account and region that the AWS credentials at hand are for."""

    def invoke(event: Mapping[str, Any]) -> Any:
        import boto3  # not needed on one machine
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = boto3.client("lambda").invoke(FunctionName=name, Payload=json.dumps(dict(event)).encode())
        except (BotoCoreError, ClientError) as failed:
            raise AdminError(str(failed)) from failed
        content = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise AdminError(content.get("errorMessage", "the function failed"))
        return content

    return invoke
