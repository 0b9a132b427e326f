"""Where clients put the files that they upload: `{org}/{folder}/{job}.upload`."""

from typing import Final

SUFFIX: Final = ".upload"  # by which the bucket's notification knows these objects (template.yaml)


def file_key(org_id: str, folder: str, job_id: str) -> str:
    """Where the file of a job lies."""
    return f"{org_id}/{folder}/{job_id}{SUFFIX}"


def parsed_key(key: str) -> tuple[str, str, str]:
    """The folder, organization and job of an uploaded file."""
    org_id, _, rest = key.partition("/")
    folder, _, name = rest.rpartition("/")
    return folder, org_id, name.removesuffix(SUFFIX)
