"""What an audit needs of the world."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from usance.application.ports.bills import BillRepository
from usance.application.ports.blobs import BlobStore
from usance.application.ports.clock import Clock, IdFactory
from usance.application.ports.entities import EntityRepository
from usance.application.ports.secrets import Secrets
from usance.application.ports.usage_ledger import UsageLedger
from usance.application.ports.usage_log import UsageExplorer
from usance.application.usage.ports import UsagePorts
from usance.resources.wire import Document

ParquetRows = Callable[[BinaryIO], Iterator[Document]]
"""Reads a Parquet file of exported measurements: rows as JSON lines have them."""


@dataclass(frozen=True, slots=True)
class ProofPorts:
    """Passed to every step."""

    entities: EntityRepository
    ledger: UsageLedger
    usage: UsageExplorer  # what exports read by; an audit itself asks it for the meters and accounts with usage alone
    bills: BillRepository
    blobs: BlobStore
    secrets: Secrets
    clock: Clock
    ids: IdFactory
    parquet_rows: ParquetRows

    def exporting(self) -> UsagePorts:
        """What an export of usage runs on."""
        return UsagePorts(self.entities, self.usage)
