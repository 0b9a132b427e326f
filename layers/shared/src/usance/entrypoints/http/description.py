"""The description of the API, for anybody: `docs/openapi.json`, packed beside this package."""

import gzip
from functools import cache
from importlib.resources import files
from typing import Final

from usance.entrypoints.http.routes import Operation, Request, Route
from usance.resources import wire
from usance.resources.wire import Document

PACKED: Final = "openapi.json.gz"


def routes() -> tuple[Route, ...]:
    """Every route of this module."""

    def describe(_: Request) -> Document:
        return document()

    return (Route("GET", "/openapi.json", describe, Operation("describeApi", "Describe the API", "Description")),)


@cache
def document() -> Document:
    """The description, as `tools/openapi.py` wrote it."""
    description: Document = wire.loads(gzip.decompress(files("usance").joinpath(PACKED).read_bytes()))
    return description
