"""This machine: where things are, and what the SAM command line is told."""

import os
import platform
import sys
from pathlib import Path

from local.aws import CREDENTIALS

PROJECT = Path(__file__).resolve().parents[2]
SAM = PROJECT / ".venv-sam" / "bin" / "sam"
ARCHITECTURE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
IMAGE = f"public.ecr.aws/lambda/python:3.13-{ARCHITECTURE}"
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
    **CREDENTIALS,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "SAM_CLI_TELEMETRY": "0",
    "ARCHITECTURE": ARCHITECTURE,
    "PYTHON": sys.executable,
}
