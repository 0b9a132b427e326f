"""Read the measurements of one meter of one account item by item, hold them against their receipts, and count each once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from usance.application.ports.read_budget import TooMuchUsageError
from usance.application.ports.usage_ledger import DamagedItemError, Receipt, StoredBatch, UsageLedger
from usance.application.ports.usage_log import UsageScope
from usance.application.proof.findings import Cause, Difference, Stage, differing
from usance.domain.metering.columns import Columns
from usance.domain.metering.counting import WINDOW_DAYS, Copy, repeats
from usance.domain.metering.instants import instant_of, microseconds
from usance.domain.metering.tally import Tally, sum_of, tally_of

MEASUREMENTS_MAX: Final = 5_000_000  # of a scope, held packed: some 500 MB, and minutes


@dataclass(frozen=True, slots=True)
class Opened:
    """The measurements of one item, and the positions of those that count."""

    month: str
    columns: Columns
    received: Sequence[int]
    counting: Sequence[int]


@dataclass(slots=True)
class ScopeUsage:
    """What is stored. `months` are those audited; `batches` are these and the ones around that bills or copies reach into.

    Figures are of what was received up to `until` (microseconds since 1970).
    """

    scope: UsageScope
    months: Sequence[str]
    until: int
    batches: Sequence[StoredBatch]
    repeated: Mapping[int, Sequence[int]]
    accepted: Tally = field(default_factory=Tally)
    stored: Tally = field(default_factory=Tally)
    differences: list[Difference] = field(default_factory=list)

    def opened(self) -> Iterator[Opened]:
        """Every item that can be read, one at a time."""
        for at, batch in enumerate(self.batches):
            try:
                columns, received = batch.columns(), batch.received()
            except DamagedItemError:
                continue  # told when the items were held against their receipts
            dropped = set(self.repeated.get(at, ()))
            rows = range(len(columns))
            counting = [row for row in rows if row not in dropped] if dropped else rows
            yield Opened(batch.place[0], columns, received, counting)

    def copies(self) -> Tally:
        """The measurements of the audited months that do not count: each was received before."""
        if not self.repeated:
            return Tally()
        return sum_of(
            tally_of(_received_by(opened.columns, opened.received, self.until, sorted(dropped)))
            for opened in self.opened()
            if opened.month in self.months and (dropped := set(range(len(opened.columns))) - set(opened.counting))
        )

    def counted(self, until: int) -> Tally:
        """The measurements of the audited months that count and were received up to `until`, too."""
        return sum_of(
            tally_of(_received_by(opened.columns, opened.received, min(until, self.until), opened.counting))
            for opened in self.opened()
            if opened.month in self.months
        )


def read_scope(
    ledger: UsageLedger, scope: UsageScope, months: Sequence[str], around: Sequence[str], until: datetime
) -> ScopeUsage:
    """The measurements of `months` received up to `until`, held against their receipts, and those of the months `around`.

    What is merged meanwhile may be met twice, so that differences are believed when they are there a second time.
    Raises `TooMuchUsageError` beyond `MEASUREMENTS_MAX`.
    """
    usage = _read(ledger, scope, months, around, until)
    return _read(ledger, scope, months, around, until) if usage.differences else usage


def _read(
    ledger: UsageLedger, scope: UsageScope, months: Sequence[str], around: Sequence[str], until: datetime
) -> ScopeUsage:
    batches = _bounded(batch for month in sorted({*months, *around}) for batch in ledger.batches(scope, month))
    batches = _bounded([*batches, *_others(ledger, scope, batches)])
    usage = ScopeUsage(scope, months, microseconds(until), batches, _repeated(batches))
    for month in months:
        _check_month(usage, month, ledger.receipts(scope, month))
    return usage


def _received_by(columns: Columns, received: Sequence[int], until: int, rows: Sequence[int]) -> Columns:
    kept = [row for row in rows if received[row] <= until]
    return columns if len(kept) == len(columns) else columns.take(kept)


def _bounded(batches: Iterable[StoredBatch]) -> Sequence[StoredBatch]:
    kept: list[StoredBatch] = []
    count = 0
    for batch in batches:
        count += batch.count
        if count > MEASUREMENTS_MAX:
            raise TooMuchUsageError(f"it has more than {MEASUREMENTS_MAX} measurements in the period and around it")
        kept.append(batch)
    return kept


def _others(ledger: UsageLedger, scope: UsageScope, batches: Sequence[StoredBatch]) -> Sequence[StoredBatch]:
    """Items of further months that may hold earlier copies; their month says nothing of when they were received."""
    received = [instant for batch in batches for instant in _limits(batch)]
    if not received:
        return []
    start = instant_of(min(received)) - timedelta(days=WINDOW_DAYS + 1)  # a merged item is found by its first receipt
    known = {batch.place[0] for batch in batches}
    months = ledger.months_received(scope, start, instant_of(max(received)) + timedelta(days=1))
    return _bounded(batch for month in months if month not in known for batch in ledger.batches(scope, month))


def _limits(batch: StoredBatch) -> Sequence[int]:
    try:
        received = batch.received()
    except DamagedItemError:
        return ()
    return (min(received), max(received)) if received else ()


def _repeated(batches: Sequence[StoredBatch]) -> Mapping[int, Sequence[int]]:
    """Per position of a batch, its measurements that do not count. Few uids are met twice: only these are compared."""
    seen: set[int] = set()
    met: set[int] = set()
    for uids in _uids(batches):
        for mark in map(hash, uids):
            (met if mark in seen else seen).add(mark)
    if not met:
        return {}
    copies: dict[str, dict[Copy, tuple[int, int]]] = {}
    for at, (batch, uids) in enumerate(zip(batches, _uids(batches), strict=True)):
        rows = [row for row, uid in enumerate(uids) if hash(uid) in met]
        received = batch.received() if rows else ()
        for row in rows:
            copies.setdefault(uids[row], {})[Copy(received[row], (*batch.place, row))] = (at, row)
    dropped: dict[int, list[int]] = {}
    for places in copies.values():
        for copy in repeats(places):
            at, row = places[copy]
            dropped.setdefault(at, []).append(row)
    return dropped


def _uids(batches: Sequence[StoredBatch]) -> Iterator[Sequence[str]]:
    """Of each batch; none of one that cannot be read, or whose receipts cannot."""
    for batch in batches:
        try:
            batch.received()
            yield batch.uids()
        except DamagedItemError:
            yield ()


def _check_month(usage: ScopeUsage, month: str, receipts: Iterable[Receipt]) -> None:
    """Hold the items of a month against its receipts: item by item, and those that were merged in the sum."""
    readable = {receipt.key: receipt.tally for receipt in receipts if receipt.received <= usage.until}
    accepted = {key: tally for key, tally in readable.items() if tally is not None}
    unreadable = readable.keys() - accepted.keys()
    usage.accepted = usage.accepted.plus(sum_of(accepted.values()))
    own: dict[str, tuple[StoredBatch, Tally]] = {}
    merged: list[Tally] = []
    for batch in (batch for batch in usage.batches if batch.place[0] == month):
        try:
            received = batch.received()
            columns = batch.columns()
        except DamagedItemError as damaged:
            figures = differing(accepted.pop(batch.receipt_key, Tally()), Tally())
            usage.differences.append(Difference(Stage.STORED, Cause.UNREADABLE, usage.scope, str(damaged), figures))
            continue
        if min(received) > usage.until:
            continue
        tally = tally_of(_received_by(columns, received, usage.until, range(len(columns))))
        usage.stored = usage.stored.plus(tally)
        if batch.merged:
            merged.append(tally)
        else:
            own[batch.receipt_key] = (batch, tally)
    for key in sorted(unreadable):
        _, tally = own.pop(key, (None, Tally()))
        message = f"the receipt {key} of {month} cannot be read"
        figures = differing(tally, Tally())
        usage.differences.append(Difference(Stage.ACCEPTED, Cause.UNREADABLE, usage.scope, message, figures))
    usage.differences += _one_by_one(usage.scope, month, accepted, own)
    left = {key: tally for key, tally in accepted.items() if key not in own}
    usage.differences += _merged(usage.scope, month, left, merged)


def _one_by_one(
    scope: UsageScope, month: str, accepted: Mapping[str, Tally], own: Mapping[str, tuple[StoredBatch, Tally]]
) -> Iterator[Difference]:
    with_receipt = [tally for key, (_, tally) in own.items() if key in accepted]
    for key, (batch, tally) in own.items():
        item = f"the item {batch.place[1]} of {month}"
        receipt, kept = accepted.get(key), batch.accepted()
        if receipt is None and tally in with_receipt:
            message = f"{item} has no receipt and equals another: it was copied"
            yield Difference(Stage.STORED, Cause.COPIED, scope, message, differing(Tally(), tally))
        elif receipt is None:
            message = f"{item} has no receipt: its request was never answered, or the record of its acceptance is lost"
            yield Difference(Stage.ACCEPTED, Cause.NO_RECEIPT, scope, message, differing(tally, Tally()))
        elif receipt != tally and kept == tally:
            message = f"the receipt {key} of {month} is not that of its item, which agrees with itself"
            yield Difference(Stage.ACCEPTED, Cause.ALTERED, scope, message, differing(tally, receipt))
        elif receipt != tally:
            message = f"{item} is not what was accepted"
            yield Difference(Stage.STORED, Cause.ALTERED, scope, message, differing(receipt, tally))


def _merged(scope: UsageScope, month: str, left: Mapping[str, Tally], merged: Sequence[Tally]) -> Iterator[Difference]:
    """Receipts without an item of their own are those of merged items: together they come to the same."""
    if not merged:
        for key, tally in left.items():
            message = f"the item of the receipt {key} of {month} is gone"
            yield Difference(Stage.STORED, Cause.LOST, scope, message, differing(tally, Tally()))
        return
    expected, found = sum_of(left.values()), sum_of(merged)
    if expected != found:
        cause = Cause.LOST if found.count < expected.count else Cause.ALTERED
        message = f"merged items of {month} are not what was accepted in {len(left)} requests"
        yield Difference(Stage.STORED, cause, scope, message, differing(expected, found))
