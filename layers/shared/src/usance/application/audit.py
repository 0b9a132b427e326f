"""The audit fields of an entity (platform.md 1.5)."""

from datetime import datetime
from typing import Any

from usance.domain.kernel.errors import InvalidInputError, VersionConflictError
from usance.resources import instants
from usance.resources.fields import whole
from usance.resources.wire import Document


def created(document: Document, id_: str, by: str, at: datetime) -> Document:
    """`document` as its first version."""
    when = instants.to_text(at)
    return {
        "id": id_,
        "version": 1,
        **document,
        "dtCreated": when,
        "dtLastModified": when,
        "createdBy": by,
        "lastModifiedBy": by,
    }


def updated(document: Document, old: Document, by: str, at: datetime) -> Document:
    """`document` as the version that follows `old`."""
    return {
        "id": old["id"],
        "version": int(old["version"]) + 1,
        **document,
        "dtCreated": old["dtCreated"],
        "dtLastModified": instants.to_text(at),
        "createdBy": old["createdBy"],
        "lastModifiedBy": by,
    }


def check_version(version: Any, old: Document, type_: str) -> None:
    """Refuse an update that does not carry the current version of `old` (platform.md 1.6)."""
    version = whole(version)
    if isinstance(version, bool) or not isinstance(version, int):
        problem = "is required to update" if version is None else "must be a whole number"
        raise InvalidInputError(f"version {problem}: send the version that you read")
    if version != old["version"]:
        raise VersionConflictError(
            f"version {version} of the {type_} {old['id']} is not its current version {old['version']}; read it again"
        )
