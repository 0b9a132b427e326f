"""Policies that were taken from a user: an invitation from before must not give them back.

There is one row of a user and a policy, written with the change that takes it away. It goes with the policy.
"""

from collections.abc import Sequence
from typing import Final

from usance.application.audit import created, updated
from usance.application.entities.ports import EntityPorts
from usance.application.ports.entities import Put
from usance.domain.kernel.ids import derived_id
from usance.resources import instants

WITHDRAWAL: Final = "withdrawnPermission"


def withdrawal_put(ports: EntityPorts, org_id: str, policy_id: str, user_id: str, by: str) -> Put:
    """The row that says the policy was taken from the user just now."""
    id_, now = _id(org_id, policy_id, user_id), ports.clock.now()
    before = ports.entities.get(org_id, WITHDRAWAL, id_)
    body = {"permissionPolicyId": policy_id, "principalId": user_id}
    return Put(
        WITHDRAWAL,
        updated(body, before, by, now) if before else created(body, id_, by, now),
        expected_version=int(before["version"]) if before else None,
        indexed={"permissionPolicyId": [policy_id]},
    )


def withdrawn_since(
    ports: EntityPorts, org_id: str, policy_ids: Sequence[str], user_id: str, since: str
) -> frozenset[str]:
    """Those of the policies that were last taken from the user at the instant `since` or after it."""
    ids = [_id(org_id, policy_id, user_id) for policy_id in policy_ids]
    earliest = instants.from_text(since)
    return frozenset(
        row["permissionPolicyId"]
        for row in ports.entities.get_many(org_id, WITHDRAWAL, ids)
        if instants.from_text(row["dtLastModified"]) >= earliest
    )


def _id(org_id: str, policy_id: str, user_id: str) -> str:
    return derived_id("withdrawn", org_id, user_id, policy_id)
