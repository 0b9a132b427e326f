"""Take the measurements of one request in."""

import hashlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from usance.application.access.authorize import require
from usance.application.ingest.ask_for_merges import ask_for_merges
from usance.application.ingest.directory import Directory, KnownAccount, KnownMeter
from usance.application.ingest.ports import IngestPorts
from usance.application.ingest.report_failures import Failed, report_failures
from usance.application.ports.usage_log import UsageBatch, UsageScope
from usance.domain.access import Action, Caller
from usance.domain.metering.enrichment import Failure, FailureType, Sorted, columns_of, sort_out
from usance.domain.metering.instants import month_of
from usance.domain.metering.submission import OF_REQUEST, Bounds, Times, check
from usance.resources.measurements import Measurement, decode, originals
from usance.resources.wire import Document

ACCEPTED: Document = {"result": "accepted"}
DIGEST_CHARS = 32  # 128 bits: no two contents of one partition will ever meet


@dataclass(frozen=True, slots=True)
class _Request:
    """What the steps share."""

    caller: Caller
    measurements: Sequence[Measurement]
    times: Times
    digest: bytes
    received_at: datetime

    def uid(self, position: int) -> str:
        """As sent; else one that no other measurement has, and that a repeated request makes again."""
        return self.measurements[position].uid or _made_uid(self.digest, position)


def made_uid(body: bytes, position: int) -> str:
    """What a measurement without a uid gets: no other measurement has it, and a repeated request makes it again."""
    return _made_uid(hashlib.sha256(body).digest(), position)


def _made_uid(digest: bytes, position: int) -> str:
    return f"{digest.hex()[:DIGEST_CHARS]}-{position}"


_Group = tuple[str, str]
_Groups = Mapping[_Group, Sequence[int]]
"""Per meter code and account code, the positions of their measurements in the request."""


def ingest_measurements(ports: IngestPorts, directory: Directory, caller: Caller, body: bytes) -> Document:
    """`{"result": "accepted"}` once every measurement of `body` is durable, as usage or as a reported failure.

    Raises `InvalidInputError` naming the field (nothing is stored then), `BodyTooLargeError`, or `UnavailableError` when a
    store gave up half-way: sending the same again completes it.
    """
    require(caller, Action.MEASUREMENTS_UPLOAD, "measurement")
    take_in(ports, directory, caller, body)
    return ACCEPTED


def take_in(ports: IngestPorts, directory: Directory, caller: Caller, body: bytes, bounds: Bounds = OF_REQUEST) -> int:
    """Store what `ingest_measurements` accepts, for `caller`, and answer how many measurements were kept out.

    Those that lack a derived value only are stored. Raises as `ingest_measurements` does.
    """
    received_at = ports.clock.now()
    measurements = decode(body, bounds)
    times = check(measurements, received_at)
    request = _Request(caller, measurements, times, hashlib.sha256(body).digest(), received_at)

    groups: dict[_Group, list[int]] = {}
    for position, measurement in enumerate(measurements):
        groups.setdefault((measurement.meter, measurement.account), []).append(position)
    meters, sorted_out = _sorted_out(directory, caller.org_id, groups, measurements)
    fit = {group: outcome.positions for group, outcome in sorted_out.items() if outcome.positions}
    failures = [failure for outcome in sorted_out.values() for failure in outcome.failures]
    accounts = _accounts(ports, directory, caller, [account for _, account in fit])
    batches: list[UsageBatch] = []
    for (meter_code, account_code), positions in fit.items():
        meter, account = meters[meter_code], accounts.get(account_code)
        if account is None:
            failures.extend(_invalid_account(account_code, position) for position in positions)
            continue
        for batch, rows in _batches(request, meter, account, positions):
            if not meter.meter.derived_fields:
                batches.append(batch)
                continue
            from usance.application.ingest.derive_fields import derive_fields  # the language: few meters need it

            derived, failed = derive_fields(directory, meter, account, account_code, batch, rows)
            batches.append(derived)
            failures.extend(failed)

    ports.usage.append(batches)
    ask_for_merges(ports.merges, batches)
    if failures:
        known = directory.accounts(caller.org_id, {measurements[one.position].account for one in failures})
        texts = originals(body)
        report_failures(
            ports, caller.org_id, [_failed(one, request, texts[one.position], known) for one in failures], received_at
        )
    return len({one.position for one in failures if one.type is not FailureType.CALCULATION_ERROR})


def _failed(failure: Failure, request: "_Request", original: bytes, known: Mapping[str, KnownAccount]) -> Failed:
    measurement = request.measurements[failure.position]
    account = known.get(measurement.account)
    return Failed(failure, measurement, original, request.uid(failure.position), account.id if account else None)


def _sorted_out(
    directory: Directory, org_id: str, groups: _Groups, measurements: Sequence[Measurement]
) -> tuple[Mapping[str, KnownMeter], Mapping[_Group, Sorted]]:
    """The meters, and per group which measurements have all fields of theirs.

    A meter that is remembered may have changed: where a measurement has other fields, the meter is read again, so that
    no value of a new field is dropped and none is missed for want of a field that is gone.
    """
    meters = directory.meters(org_id, {code for code, _ in groups})
    sorted_out = _by_meter(meters, groups, measurements)
    doubtful = {code for (code, _), outcome in sorted_out.items() if not outcome.exact}
    if doubtful:
        current = {code: known for code, known in meters.items() if code not in doubtful}
        meters = current | directory.meters_anew(org_id, doubtful)
        sorted_out |= _by_meter(
            meters, {group: groups[group] for group in groups if group[0] in doubtful}, measurements
        )
    return meters, sorted_out


def _by_meter(
    meters: Mapping[str, KnownMeter], groups: _Groups, measurements: Sequence[Measurement]
) -> dict[_Group, Sorted]:
    return {
        (code, account): sort_out(meters[code].meter, measurements, positions)
        if code in meters
        else _undefined(code, positions)
        for (code, account), positions in groups.items()
    }


def _undefined(code: str, positions: Sequence[int]) -> Sorted:
    message = f"there is no meter with the code {code!r}"
    return Sorted((), [Failure(position, FailureType.UNDEFINED_METER, message) for position in positions], exact=True)


def _accounts(
    ports: IngestPorts, directory: Directory, caller: Caller, codes: Sequence[str]
) -> Mapping[str, KnownAccount]:
    distinct = list(dict.fromkeys(codes))
    accounts = directory.accounts(caller.org_id, distinct)
    unknown = [code for code in distinct if code not in accounts]
    if unknown:
        from usance.application.ingest.open_accounts import open_accounts  # the models of accounts: rarely needed

        for code, account in open_accounts(ports, caller, unknown).items():
            accounts[code] = account
            directory.remember_account(caller.org_id, code, account)
    return accounts


def _invalid_account(code: str, position: int) -> Failure:
    message = (
        f"there is no account with the code {code!r}, and none was created: "
        "the code is malformed or too similar to that of another account"
    )
    return Failure(position, FailureType.INVALID_ACCOUNT_CODE, message)


def _batches(
    request: _Request, known: KnownMeter, account: KnownAccount, positions: Sequence[int]
) -> Iterator[tuple[UsageBatch, Sequence[int]]]:
    """One batch per month, with the positions of its measurements."""
    scope = UsageScope(request.caller.org_id, known.meter.id, account.id)
    for month, rows in _by_month(request.times.ts, positions).items():
        columns = columns_of(
            known.meter,
            [request.measurements[row] for row in rows],
            [request.uid(row) for row in rows],
            [request.times.ts[row] for row in rows],
            [request.times.ets[row] for row in rows],
        )
        yield UsageBatch(scope, month, _digest(request, rows), request.received_at, columns), rows


def _by_month(ts: Sequence[int], positions: Sequence[int]) -> Mapping[str, Sequence[int]]:
    times = [ts[position] for position in positions]
    first = month_of(min(times))
    if first == month_of(max(times)):
        return {first: positions}
    months: dict[str, list[int]] = {}
    for position in positions:
        months.setdefault(month_of(ts[position]), []).append(position)
    return months


def _digest(request: _Request, rows: Sequence[int]) -> str:
    """Of the content as submitted: the request and which of its measurements these are."""
    return hashlib.sha256(request.digest + array("H", rows).tobytes()).hexdigest()[:DIGEST_CHARS]
