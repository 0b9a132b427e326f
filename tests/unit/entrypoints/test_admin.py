"""What the administrator of a deployment asks for amiss is refused by name."""

from typing import Any

import pytest

from usance.bootstrap import backup
from usance.domain.kernel.errors import InvalidInputError
from usance.entrypoints import admin

FILE = {"name": "manifest.json", "bytes": 3, "contentType": "application/json"}


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"download": "manifest.json"},
        {"upload": FILE},
        {"upload": [{}]},
        {"upload": [FILE, {**FILE, "bytes": "3"}]},
        {"upload": [{"name": "manifest.json", "bytes": 3}]},
    ],
)
def test_urls_of_a_backup_need_files_by_name_length_and_type(
    monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]
) -> None:
    monkeypatch.setattr(backup, "backup_ports", lambda: None)
    event = {"action": "backupUrls", "orgId": "o", "backupId": "b", **asked}
    with pytest.raises(InvalidInputError, match="name, bytes and contentType"):
        admin.handler()(event, None)
