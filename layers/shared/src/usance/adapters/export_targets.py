"""Where files of exports go, by the type of their destination (metering.md 8.3)."""

from collections.abc import Callable, Mapping
from typing import BinaryIO

from usance.application.exports.ports import ExportTargets
from usance.resources.wire import Document

TargetsByType = Mapping[str, Callable[[], ExportTargets]]
"""Each made when a destination of its type is met."""


class ExportTargetsByType:
    """`ExportTargets` over those of every type."""

    def __init__(self, by_type: TargetsByType) -> None:
        self._by_type = by_type

    def put(self, org_id: str, destination: Document, key: str, stream: BinaryIO, headers: Mapping[str, str]) -> None:
        """See the port."""
        self._by_type[destination["destinationType"]]().put(org_id, destination, key, stream, headers)
