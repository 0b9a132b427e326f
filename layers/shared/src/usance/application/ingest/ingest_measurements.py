"""Take the measurements of one request in."""

import hashlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from usance.application.access.authorize import require
from usance.application.ingest.directory import Directory, KnownAccount, KnownMeter
from usance.application.ingest.ports import IngestPorts
from usance.application.ingest.report_failures import report_failures
from usance.application.ports.usage_log import UsageBatch, UsageScope
from usance.domain.access import Action, Caller
from usance.domain.metering.enrichment import Failure, FailureType, columns_of, sort_out
from usance.domain.metering.instants import month_of
from usance.domain.metering.submission import Times, check
from usance.resources.measurements import Measurement, decode, originals
from usance.resources.wire import Document

DIGEST_CHARS = 32  # 128 bits: no two contents of one partition will ever meet


@dataclass(frozen=True, slots=True)
class _Request:
    """What the steps share."""

    caller: Caller
    measurements: Sequence[Measurement]
    times: Times
    digest: bytes
    received_at: datetime


_Group = tuple[str, str]
_Positions = dict[_Group, Sequence[int]]
"""Per meter code and account code, the positions of their measurements in the request."""


def ingest_measurements(ports: IngestPorts, directory: Directory, caller: Caller, body: bytes) -> Document:
    """`{"result": "accepted"}` once every measurement of `body` is durable, as usage or as a reported failure.

    Raises `InvalidInputError` naming the field (nothing is stored then), `BodyTooLargeError`, or `UnavailableError` when a
    store gave up half-way: sending the same again completes it.
    """
    require(caller, Action.MEASUREMENTS_UPLOAD, "measurement")
    received_at = ports.clock.now()
    measurements = decode(body)
    times = check(measurements, received_at)
    request = _Request(caller, measurements, times, hashlib.sha256(body).digest(), received_at)

    groups: dict[_Group, list[int]] = {}
    for position, measurement in enumerate(measurements):
        groups.setdefault((measurement.meter, measurement.account), []).append(position)
    meters = directory.meters(caller.org_id, {meter for meter, _ in groups})
    fit, failures = _sorted_out(groups, meters, measurements)
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
    if failures:
        report_failures(ports, caller.org_id, measurements, originals(body), failures, received_at)
    return {"result": "accepted"}


def _sorted_out(
    groups: Mapping[_Group, Sequence[int]], meters: Mapping[str, KnownMeter], measurements: Sequence[Measurement]
) -> tuple[_Positions, list[Failure]]:
    """The measurements that have a meter and all its fields, and the failures of the others."""
    fit: _Positions = {}
    failures: list[Failure] = []
    for group, positions in groups.items():
        known = meters.get(group[0])
        if known is None:
            message = f"there is no meter with the code {group[0]!r}"
            failures.extend(Failure(position, FailureType.UNDEFINED_METER, message) for position in positions)
            continue
        outcome = sort_out(known.meter, measurements, positions)
        failures.extend(outcome.failures)
        if outcome.positions:
            fit[group] = outcome.positions
    return fit, failures


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
            [request.measurements[row].uid or _generated_uid(request, row) for row in rows],
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


def _generated_uid(request: _Request, position: int) -> str:
    """For a measurement sent without one: it meets no other, but a repeated request meets itself."""
    return f"{request.digest.hex()[:DIGEST_CHARS]}-{position}"


def _digest(request: _Request, rows: Sequence[int]) -> str:
    """Of the content as submitted: the request and which of its measurements these are."""
    return hashlib.sha256(request.digest + array("H", rows).tobytes()).hexdigest()[:DIGEST_CHARS]
