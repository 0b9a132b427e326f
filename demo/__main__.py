"""`python -m demo [--usage trace.csv] [--out folder]`: bill a trace end to end and check the bill."""

import argparse
import base64
import os
import queue
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from m3ter import M3ter, M3terError

from demo import billing, catalog, ingest, prices, report, sample, trace
from demo.receiver import Delivery, Receiver, running_receiver
from local.testing import running_stack

WEBHOOK_SECONDS: Final = 60
PARAMETERS: Final = {"WebhookAllowedHosts": "127.0.0.1"}  # the receiver is on this machine


class Timings(dict[str, float]):
    """Seconds by step."""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time inside to the step."""
        start = time.perf_counter()
        yield
        self[name] = self.get(name, 0) + time.perf_counter() - start


def main() -> int:
    """0 when every bill is what plain arithmetic says, 1 when not, 2 when the input or the stack is unusable."""
    parser = argparse.ArgumentParser(prog="demo", description="An LLM API provider bills a customer.")
    parser.add_argument("--usage", default=os.environ.get("USAGE") or None, help="trace to bill (CSV)")
    parser.add_argument("--out", default=os.environ.get("OUT") or None, help="folder for what comes out")
    options = parser.parse_args()
    try:
        requests = trace.read(Path(options.usage) if options.usage else sample.PATH)
        return _run(requests, trace.months(requests), Path(options.out) if options.out else None)
    except (trace.TraceError, billing.DemoError, RuntimeError) as problem:
        print(f"demo: {problem}", file=sys.stderr)
    except M3terError as refusal:
        print(f"demo: the API refused: {refusal}", file=sys.stderr)
    return 2


def _run(requests: Sequence[trace.LlmRequest], months: Sequence[tuple[int, int]], out: Path | None) -> int:
    took = Timings()
    print(f"Starting the embedded stack for a trace of {len(requests):,} requests")
    start = time.perf_counter()
    with running_stack(parameters=PARAMETERS) as stack, running_receiver("finance", os.urandom(16).hex()) as receiver:
        took["start the stack"] = time.perf_counter() - start
        client = _client(stack.credentials)
        print("Creating product, meter, prices, account, statement definition, notification rule")
        with took.step("set up"):
            first_year, first_month = months[0]
            items = catalog.create(client, f"{first_year:04}-{first_month:02}-01T00:00:00Z")
            catalog.notify(client, receiver)
        print("Sending the usage")
        with took.step("ingest"):
            sent = ingest.send(client, requests)
        kept_out = ingest.failures(client, sent.broken - 1)
        print(
            f"  {sent.repeated:,} sent again and {sent.broken} broken ones: none may count; {kept_out} events say why"
        )
        right = [
            _bill(client, receiver, items, requests, month, took, _folder(out, month, len(months))) for month in months
        ]
    print("\nTimings")
    print(report.timings(took, sent.measurements + sent.repeated + sent.broken))
    return 0 if all(right) else 1


def _bill(
    client: M3ter,
    receiver: Receiver,
    items: catalog.Catalog,
    requests: Sequence[trace.LlmRequest],
    month: tuple[int, int],
    took: Timings,
    out: Path | None,
) -> bool:
    """Bill one month, show it, keep its files; whether it is right."""
    want = prices.expected(requests, *month)
    with took.step("bill job"):
        bill_id = billing.bill_month(client, items.account_id, *month)
    approved = time.perf_counter()
    with took.step("approval"):
        client.bills.approve(bill_ids=[bill_id])
        answer = billing.read_bill(client, bill_id)
    with took.step("statement"):
        files = billing.statement(client, bill_id)
    print(f"\n{report.bill_table(answer.bill)}")
    print("\nStatement")
    print(report.statement_head(files.csv.decode()))
    delivery = _webhook(receiver, expected=want.total > prices.STANDING_CHARGE)
    if delivery:
        took["approval to webhook"] = delivery.arrived - approved
        print("\nWebhook, signature verified" if delivery.verified else "\nWebhook, SIGNATURE WRONG")
        print(report.webhook(delivery.body))
    wrong = billing.differences(answer.bill, want, items)
    if delivery and not delivery.verified:
        wrong.append("the webhook's signature does not verify")
    print(f"\n{'The bill equals' if not wrong else 'THE BILL DIFFERS FROM'} an independent calculation: {want.total}")
    print("".join(f"  {line}\n" for line in wrong), end="")
    if out:
        _keep(out, answer.raw, files, delivery)
    return not wrong


def _webhook(receiver: Receiver, *, expected: bool) -> Delivery | None:
    """The delivery of the month's approval; a month without charges for usage stays below the rule's limit."""
    if not expected:
        return None
    try:
        return receiver.next(WEBHOOK_SECONDS)
    except queue.Empty:
        raise billing.DemoError(f"no webhook came within {WEBHOOK_SECONDS} seconds") from None


def _folder(out: Path | None, month: tuple[int, int], months: int) -> Path | None:
    """Where a month's files go: the folder itself, or one for each month when there are several."""
    return out / f"{month[0]:04}-{month[1]:02}" if out and months > 1 else out


def _keep(out: Path, bill: bytes, files: billing.Files, delivery: Delivery | None) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "bill.json").write_bytes(bill)
    (out / "statement.json").write_bytes(files.json)
    (out / "statement.csv").write_bytes(files.csv)
    if delivery:
        (out / "webhook.json").write_bytes(delivery.body)


def _client(credentials: Mapping[str, str]) -> M3ter:
    """The official SDK, with a token of its own: left to itself it asks for one before every call."""
    key, secret = credentials["api_key"], credentials["api_secret"]
    client = M3ter(api_key=key, api_secret=secret, org_id=credentials["org_id"], base_url=credentials["base_url"])
    basic = base64.b64encode(f"{key}:{secret}".encode()).decode()
    answer = client.authentication.get_bearer_token(
        grant_type="client_credentials", extra_headers={"Authorization": f"Basic {basic}"}
    )
    return client.copy(token=answer.access_token)


if __name__ == "__main__":
    sys.exit(main())
