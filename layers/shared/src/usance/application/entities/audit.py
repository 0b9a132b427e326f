"""The audit fields of an entity (platform.md 1.5)."""

from datetime import UTC, datetime

from usance.resources.wire import Document


def timestamp(instant: datetime) -> str:
    """An instant as the API writes it: `2022-10-28T13:54:48.081781Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def created(document: Document, id_: str, by: str, at: datetime) -> Document:
    """`document` as its first version."""
    when = timestamp(at)
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
        "dtLastModified": timestamp(at),
        "createdBy": old["createdBy"],
        "lastModifiedBy": by,
    }
