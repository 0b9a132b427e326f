"""Ask for the statement of a bill that was approved or locked, when that is configured (billing.md 14)."""

from usance.application.billing.stores import BillingStores
from usance.application.statements.request_statement import AUTO_GENERATE_MODES, request_statement
from usance.resources.wire import Document


def generate_statement(stores: BillingStores, bill: Document, by: str) -> None:
    """Request the statement that the account, else the organization, wants. Asking again makes no second one."""
    org_id = bill["orgId"]
    account = stores.entities.get(org_id, "account", bill["accountId"]) or {}
    config = stores.entities.get(org_id, "organizationConfig", org_id) or {}
    mode = account.get("autoGenerateStatementMode") or config.get("autoGenerateStatementMode")
    if mode not in AUTO_GENERATE_MODES:
        return
    request_statement(
        stores.entities,
        stores.bills,
        stores.statement_queue,
        stores.clock,
        org_id=org_id,
        bill_id=bill["id"],
        include_csv=AUTO_GENERATE_MODES[mode],
        requested_by=by,
    )
