"""Credentials on their way: opened by the key of one deployment, sealed by a key of the administrator's, and back."""

from typing import Final

from usance.application.backup.manifest import OMITTED
from usance.application.backup.ports import BackupPorts
from usance.application.entities.sealing import SEALED
from usance.application.ports.organization_rows import Row
from usance.application.ports.secrets import Sealing
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.wire import Document

KEY_MIN_CHARS: Final = 32


def sealing_of(ports: BackupPorts, key: str) -> Sealing:
    """Sealing by a key of the administrator's own."""
    if len(key) < KEY_MIN_CHARS:
        raise InvalidInputError(f"key must have at least {KEY_MIN_CHARS} characters")
    return ports.sealing(key)


def opened_sealing(ports: BackupPorts, manifest: Document, key: str | None) -> Sealing | None:
    """The sealing of a backup; None for one without secrets. `InvalidInputError` for any key but its own."""
    if manifest["secrets"] == OMITTED:
        if key:
            raise InvalidInputError("key: the backup was made without secrets; leave the key out")
        return None
    if not key:
        raise InvalidInputError("key: the backup has secrets that only its key opens; give the key")
    sealing = sealing_of(ports, key)
    try:
        sealing.open(manifest["keyCheck"], context=manifest["orgId"])
    except ValueError:
        raise InvalidInputError("key is not the key that the backup was made with") from None
    return sealing


def resealed(row: Row, opens: Sealing, seals: Sealing) -> Row:
    """The row with its sealed text opened by one key and sealed by another."""
    private, id_ = row["private"]["M"], row["id"]["S"]
    plain = opens.open(private[SEALED]["S"], context=id_)
    return {**row, "private": {"M": {**private, SEALED: {"S": seals.seal(plain, context=id_)}}}}
