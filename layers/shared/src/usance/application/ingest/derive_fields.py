"""Compute the derived fields of a batch (metering.md 3.1)."""

from collections.abc import Sequence
from dataclasses import replace

from usance.application.ingest.directory import CustomFields, Directory, KnownAccount, KnownMeter
from usance.application.ports.usage_log import UsageBatch
from usance.domain.metering.derivation import Surroundings, derive, entities_used
from usance.domain.metering.enrichment import Failure
from usance.domain.metering.instants import microseconds


def derive_fields(
    directory: Directory,
    known: KnownMeter,
    account: KnownAccount,
    account_code: str,
    batch: UsageBatch,
    positions: Sequence[int],
) -> tuple[UsageBatch, Sequence[Failure]]:
    """`batch`, whose measurements stand at `positions` of the request, with the derived fields of its meter added.

    Custom fields are read only when a calculation uses them; an entity's own value goes before the organization's default.
    """
    org_id, meter = batch.scope.org_id, known.meter
    used = entities_used(meter.derived_fields)
    defaults = directory.defaults(org_id) if used else {}
    own: dict[str, CustomFields] = {"meter": known.custom_fields, "account": account.custom_fields}
    if meter.product_id and "product" in used:
        own["product"] = directory.product(org_id, meter.product_id)
    custom_fields = {entity: {**(defaults.get(entity) or {}), **own.get(entity, {})} for entity in used}
    lookups = directory.tables.of(org_id)
    surroundings = Surroundings(account_code, custom_fields, microseconds(batch.received_at), lookups)
    columns, failures = derive(meter.derived_fields, batch.columns, positions, surroundings)
    return replace(batch, columns=columns), failures
