"""The first start: an organization with an Administrator service user, whose credentials are then written to a file.

Each step is recorded, so that a start that was interrupted goes on instead of making a second organization.
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

ADMIN: Final = "AdminFunction"
_NAME: Final = "Local"

Invoke = Callable[[str, Any], Any]


def write_private(file: Path, content: Mapping[str, Any]) -> None:
    """Write JSON that only its owner may read, replacing the file at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    replacement = file.with_name(f"{file.name}.new")
    replacement.unlink(missing_ok=True)
    descriptor = os.open(replacement, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(json.dumps(content, indent=2) + "\n")
    replacement.replace(file)


def ensure_organization(record: Path, invoke: Invoke) -> Mapping[str, str]:
    """`org_id`, `api_key` and `api_secret` of the data directory's organization, made when `record` has none."""
    known: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}

    def remember(**values: str) -> None:
        known.update(values)
        write_private(record, known)

    if "org_id" not in known:
        remember(org_id=invoke(ADMIN, {"action": "createOrganization", "name": _NAME})["orgId"])
    if "service_user_id" not in known:
        user = {"action": "createServiceUser", "orgId": known["org_id"], "name": _NAME, "policies": ["Administrator"]}
        remember(service_user_id=invoke(ADMIN, user)["serviceUserId"])
    if "api_key" not in known:
        key = {
            "action": "createAccessKey",
            "orgId": known["org_id"],
            "serviceUserId": known["service_user_id"],
        }
        answer = invoke(ADMIN, key)
        remember(api_key=answer["apiKey"], api_secret=answer["apiSecret"])
    return known


def write_credentials(file: Path, base_url: str, known: Mapping[str, str]) -> None:
    """Write what a client needs."""
    names = ("org_id", "api_key", "api_secret")
    write_private(file, {"base_url": base_url, **{name: known[name] for name in names}})
