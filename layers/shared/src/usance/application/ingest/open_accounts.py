"""Make an account for a code that measurements name and nobody created (metering.md 1.7)."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from usance.application.audit import created
from usance.application.entities.puts import entity_put
from usance.application.ingest.directory import KnownAccount
from usance.application.ingest.ports import IngestPorts
from usance.domain.access import Caller
from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.errors import DuplicateCodeError, UnavailableError
from usance.domain.metering.skeleton import folded, may_name_an_account, skeleton_fields
from usance.resources.account import ACCOUNT
from usance.resources.wire import Document

PARALLEL_WRITES_MAX: Final = 8  # of the client's 32 connections


def open_accounts(ports: IngestPorts, caller: Caller, codes: Sequence[str]) -> Mapping[str, KnownAccount]:
    """Accounts for those of `codes` that may name one; a code left out is malformed, or too similar to another's.

    Of codes that are too similar to each other, the first gets the account. Safe against rivals: one code, one account.
    """
    alike: dict[str, list[str]] = {}
    for code in codes:
        if may_name_an_account(code):
            alike.setdefault(folded(code), []).append(code)
    with ThreadPoolExecutor(PARALLEL_WRITES_MAX) as pool:
        opened = pool.map(lambda pair: _open(ports, caller, pair[0], pair[1][0]), alike.items())
        return {
            document["code"]: KnownAccount(document["id"], document.get("customFields") or {})
            for document in opened
            if document
        }


def _open(ports: IngestPorts, caller: Caller, folded_code: str, code: str) -> Document | None:
    similar = ports.entities.list_page(caller.org_id, ACCOUNT.type, filters={"foldedCode": [folded_code]}, page_size=2)
    if similar.data:
        return next((account for account in similar.data if account["code"] == code), None)
    document = created(
        dict(skeleton_fields(caller.org_id, code)), ports.ids.new(), caller.audit_name, ports.clock.now()
    )
    try:
        ports.entities.commit(caller.org_id, [entity_put(ACCOUNT, Proposal(document))])
    except DuplicateCodeError:
        rival = ports.entities.find_unique(caller.org_id, ACCOUNT.type, "code", code)
        if rival is None:
            raise UnavailableError(
                f"the account {code} is being created and deleted at once; send the same again"
            ) from None
        return rival
    return document
