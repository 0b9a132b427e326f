"""The files of a job as one file to download."""

import tempfile
import zipfile
from collections.abc import Sequence
from shutil import copyfileobj

from usance.application.exports.jobs import Job
from usance.application.ports.blobs import BlobStore
from usance.resources.wire import Document


def archived(blobs: BlobStore, org_id: str, job: Job, files: Sequence[Document]) -> Document:
    """The key and name of a ZIP archive that holds the files as they are: they are compressed already."""
    id_ = job.document["id"]
    key, name = f"{org_id}/export-archives/{id_}.zip", f"export-{id_}.zip"
    with tempfile.TemporaryFile() as archive:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
            for file in files:
                with blobs.open(file["key"]) as source, packed.open(file["name"], "w", force_zip64=True) as target:
                    copyfileobj(source, target)
        archive.seek(0)
        blobs.put_stream(key, archive, "application/zip")
    return {"key": key, "name": name}
