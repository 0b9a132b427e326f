"""The usage of a line item; and beyond the API of m3ter: a line item explained, the record of a calculation, corrections of locked bills."""

from collections.abc import Callable
from typing import Final

from usance.application.billing.corrections.apply import correct_bill
from usance.application.billing.corrections.propose import get_correction
from usance.application.billing.line_usage import line_usage
from usance.application.billing.records.examine import Examining, explain_line, record_url
from usance.entrypoints.http.routes import Operation, Request, Route
from usance.resources.bill_records import Correction, CorrectionRequest, LineExplanation, RecordUrl
from usance.resources.statement_jobs import ObjectUrl
from usance.resources.wire import Document

BILL: Final = "/organizations/{orgId}/bills/{billId}"
TAG: Final = "Billing"


def routes(desk: Callable[[], Examining]) -> tuple[Route, ...]:
    """The routes of this module."""

    def explain(request: Request) -> Document:
        return explain_line(desk(), request.caller, request.path["billId"], request.path["id"])

    def usage(request: Request) -> Document:
        found, bill_id, line_id = desk(), request.path["billId"], request.path["id"]
        return line_usage(
            found.stores.entities,
            found.stores.bills,
            found.usage,
            found.blobs,
            caller=request.caller,
            bill_id=bill_id,
            line_id=line_id,
        )

    def record(request: Request) -> Document:
        return record_url(desk(), request.caller, request.path["billId"])

    def proposal(request: Request) -> Document:
        return get_correction(desk(), request.caller, request.path["billId"])

    def correct(request: Request) -> Document:
        return correct_bill(desk(), request.caller, request.path["billId"], request.json_object())

    correction = f"{BILL}/correction"
    return (
        Route(
            "GET",
            correction,
            proposal,
            Operation("getBillCorrection", "Compare a locked bill with what it would be now", TAG, returns=Correction),
        ),
        Route(
            "POST",
            correction,
            correct,
            Operation(
                "correctBill",
                "Put what is left to correct of a locked bill onto an open one",
                TAG,
                body=CorrectionRequest,
                returns=Correction,
            ),
        ),
        Route(
            "GET",
            f"{BILL}/lineitems/{{id}}/explain",
            explain,
            Operation("explainLineItem", "Explain how a line item came about", TAG, returns=LineExplanation),
        ),
        Route(
            "GET",
            f"{BILL}/lineitems/{{id}}/usage/json",
            usage,
            Operation("getLineItemUsageJson", "Download the usage of a line item as JSON", TAG, returns=ObjectUrl),
        ),
        Route(
            "GET",
            f"{BILL}/record",
            record,
            Operation("getBillRecord", "Download what a bill was calculated from", TAG, returns=RecordUrl),
        ),
    )
