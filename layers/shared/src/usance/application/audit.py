"""The audit fields of an entity (platform.md 1.5)."""

from datetime import datetime

from usance.resources import instants
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
