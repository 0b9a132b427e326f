"""Invoke only: what a deployment's administrator does and the API has no calls for (platform.md 3.2)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from usance.bootstrap import access, stores
from usance.domain.kernel.errors import InvalidInputError

Action = Callable[[Mapping[str, Any], Any], dict[str, Any]]

BACKUP_LEFT_MILLISECONDS: Final = 240_000  # what one part may take: 500 files, the largest of some gigabytes
AUDIT_LEFT_MILLISECONDS: Final = 240_000  # what an account that has begun may take, and the report


def handler() -> Callable[[Mapping[str, Any], Any], dict[str, Any]]:
    """A Lambda handler of `{"action": ...}`. A refusal fails the invocation with a message that names the field."""

    def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        action = ACTIONS.get(str(event.get("action")))
        if action is None:
            raise InvalidInputError(f"action must be one of {', '.join(ACTIONS)}")
        return action(event, context)

    return handle


def create_organization(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    """`{"name"}` → `{"orgId"}`."""
    return {"orgId": access.new_organization(_text(event, "name"))}


def create_service_user(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    """`{"orgId", "name", "policies"}` → `{"serviceUserId"}`. Without policies it may do nothing."""
    policies = event.get("policies", [])
    if not isinstance(policies, list) or not all(isinstance(policy, str) for policy in policies):
        raise InvalidInputError("policies must be an array of names of permission policies")
    return {"serviceUserId": access.new_service_user(_text(event, "orgId"), _text(event, "name"), policies)}


def create_access_key(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    """`{"orgId", "serviceUserId"}` → `{"apiKey", "apiSecret"}`, the secret for the only time."""
    key = access.new_access_key(_text(event, "orgId"), _text(event, "serviceUserId"))
    return {"apiKey": key.api_key, "apiSecret": key.api_secret}


def audit(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """`{"orgId", "firstDay", "lastDay"}` → where the signed report is, and its verdict: see `audit_usage`.

    `exportJobId` audits that export, `requestedBy` is kept in the report; `next` is that of an earlier answer.
    """
    from usance.application.proof.audit_usage import audit_usage  # no other action needs its machinery
    from usance.application.proof.auditor import Audit
    from usance.application.proof.period import AuditPeriod
    from usance.bootstrap.proof import proof_ports

    following = event.get("next") or {}
    if not isinstance(following, dict):
        raise InvalidInputError("next must be the next of an earlier answer")
    asked = Audit(
        org_id=_text(event, "orgId"),
        period=AuditPeriod.of(_text(event, "firstDay"), _text(event, "lastDay")),
        export_job_id=_optional_text(event, "exportJobId"),
        requested_by=_optional_text(event, "requestedBy"),
        **({name: following[name] for name in ("part", "follows", "after") if name in following}),
    )
    return audit_usage(
        proof_ports(), asked, time_is_up=lambda: context.get_remaining_time_in_millis() < AUDIT_LEFT_MILLISECONDS
    )


def verify_audit(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    """`{"digest", "signedAt", "signature"}` of a report → `{"valid"}`: whether this deployment signed it."""
    from usance.application.proof.report import verified

    asked = (_text(event, name) for name in ("digest", "signedAt", "signature"))
    return {"valid": verified(stores.secrets(), *asked)}


def export_organization(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """`{"orgId", "backupId", "key"}` → how far the backup is: see `application.backup`. Without `backupId` it begins one."""
    from usance.application.backup.export_organization import begin_export, export_organization, summary_of_export
    from usance.bootstrap.backup import backup_ports

    ports, org_id, key = backup_ports(), _text(event, "orgId"), _optional_text(event, "key")
    backup_id = _optional_text(event, "backupId") or begin_export(ports, org_id, key)["backupId"]
    return summary_of_export(export_organization(ports, org_id, backup_id, key, time_is_up=_end_of(context)))


def import_organization(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """`{"orgId", "backupId", "key"}` → how far putting it back is; to be repeated until `finishedAt` is there."""
    from usance.application.backup.import_organization import import_organization, summary_of_import
    from usance.bootstrap.backup import backup_ports

    asked = (_text(event, "orgId"), _text(event, "backupId"), _optional_text(event, "key"))
    return summary_of_import(import_organization(backup_ports(), *asked, time_is_up=_end_of(context)))


def resume_deliveries(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """`{"orgId", "next"}` → `{"resumed", "next"}`; to be repeated with `next` while there is one."""
    from usance.application.notifications.resume_deliveries import resume_deliveries
    from usance.bootstrap.notifications import notification_stores

    return resume_deliveries(
        notification_stores(),
        _text(event, "orgId"),
        next_token=_optional_text(event, "next"),
        time_is_up=_end_of(context),
    )


def backup_urls(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    """`{"orgId", "backupId", "download": [names]}` or `"upload": [{"name", "bytes", "contentType"}]` → URLs by name."""
    from usance.application.backup.transfer import download_urls, upload_urls
    from usance.bootstrap.backup import backup_ports

    ports, org_id, backup_id = backup_ports(), _text(event, "orgId"), _text(event, "backupId")
    if isinstance(event.get("download"), list):
        return download_urls(ports, org_id, backup_id, [str(name) for name in event["download"]])
    if isinstance(event.get("upload"), list) and all(_is_file(file) for file in event["upload"]):
        return upload_urls(ports, org_id, backup_id, event["upload"])
    raise InvalidInputError(
        "download must be an array of names, or upload one of objects of name, bytes and contentType"
    )


def _is_file(value: Any) -> bool:
    kinds = {"name": str, "bytes": int, "contentType": str}
    return isinstance(value, dict) and all(isinstance(value.get(name), kind) for name, kind in kinds.items())


def _end_of(context: Any) -> Callable[[], bool]:
    return lambda: context.get_remaining_time_in_millis() < BACKUP_LEFT_MILLISECONDS


def _optional_text(event: Mapping[str, Any], name: str) -> str | None:
    return None if event.get(name) is None else _text(event, name)


def replay_bill(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    """`{"orgId", "billId"}` → whether the bill is what its record gives, byte for byte, and where not."""
    from usance.bootstrap import billing  # replays are few, and organizations should not wait for them

    return billing.replay(_text(event, "orgId"), _text(event, "billId"))


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInputError(f"{name} is required and must be a string")
    return value


ACTIONS: Final[Mapping[str, Action]] = {
    "createOrganization": create_organization,
    "createServiceUser": create_service_user,
    "createAccessKey": create_access_key,
    "audit": audit,
    "verifyAudit": verify_audit,
    "replayBill": replay_bill,
    "exportOrganization": export_organization,
    "importOrganization": import_organization,
    "backupUrls": backup_urls,
    "resumeDeliveries": resume_deliveries,
}
