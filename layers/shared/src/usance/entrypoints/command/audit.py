"""`usance audit`: proves accepted = stored = exported = billed, and checks the signature of the reports."""

import argparse
import getpass
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from usance.application.proof.report import digest_of
from usance.bootstrap.command import Reach
from usance.domain.kernel.errors import InvalidInputError
from usance.resources import wire
from usance.resources.wire import Document

EQUAL: Final = 0
DIFFERENT: Final = 1
STAGES: Final = ("accepted", "stored", "repeated", "counted", "exported", "billed")


def add_arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """What the command takes besides the `common` options."""
    parser.add_argument("--first", metavar="YYYY-MM-DD", help="first day of a month, in UTC")
    parser.add_argument("--last", metavar="YYYY-MM-DD", help="last day of the same or a later month")
    parser.add_argument("--export-job", help="id of an export job whose files to audit; else the audit exports itself")
    parser.add_argument("--out", type=Path, default=Path(), help="folder to write the signed reports to")
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(metavar="verify")
    of_reports = actions.add_parser(
        "verify", parents=[common], help="whether reports are as the deployment signed them"
    )
    of_reports.add_argument("report", type=Path, nargs="+", help="files of the parts, in order")
    of_reports.set_defaults(run=verify)


def run(reached: Reach, arguments: argparse.Namespace) -> int:
    """Every part: its report is kept in a file and shown."""
    missing = [name for name in ("first", "last") if getattr(arguments, name) is None]
    if missing:
        raise InvalidInputError(f"--{missing[0]} is required")
    org_id = reached.organization(arguments.org)
    arguments.out.mkdir(parents=True, exist_ok=True)
    differ = False
    for answer in _parts(reached, arguments, org_id):
        content = reached.download(answer["downloadUrl"])
        path = arguments.out / f"audit-{answer['id']}.json"
        path.write_bytes(content)
        report = wire.loads(content)["report"]
        sys.stdout.write("\n".join([*_lines(report), f"signed report: {path}", ""]))
        differ |= report["verdict"] != "CLEAN"
    return DIFFERENT if differ else EQUAL


def _parts(reached: Reach, arguments: argparse.Namespace, org_id: str) -> Iterator[Document]:
    event: Document = {
        "action": "audit",
        "orgId": org_id,
        "firstDay": arguments.first,
        "lastDay": arguments.last,
        "exportJobId": arguments.export_job,
        "requestedBy": getpass.getuser(),
    }
    following: Any = None
    while True:
        answer = reached.invoke({**event, "next": following})
        yield answer
        following = answer["next"]
        if following is None:
            return


def verify(reached: Reach, arguments: argparse.Namespace) -> int:
    """Each file by itself, and that each follows the one before."""
    before: str | None = None
    genuine = True
    for path in arguments.report:
        envelope = wire.loads(path.read_bytes())
        if not isinstance(envelope, dict) or not isinstance(envelope.get("report"), dict):
            raise InvalidInputError(f"{path} is no report of an audit")
        digest = digest_of(envelope["report"])
        asked = {
            "digest": digest,
            "signedAt": str(envelope.get("signedAt")),
            "signature": str(envelope.get("signature")),
        }
        signed = reached.invoke({"action": "verifyAudit", **asked})["valid"]
        follows = before is None or envelope["report"].get("follows") == before
        verdict = "genuine" if signed else "NOT as it was signed"
        sys.stdout.write(f"{path}: {verdict}{'' if follows else ', and NOT the part that follows'}\n")
        genuine = genuine and signed and follows
        before = digest
    return EQUAL if genuine else DIFFERENT


def _lines(report: Document) -> Iterator[str]:
    """The report as a table of measurements, and what differs in words."""
    yield f"audit {report['id']}, part {report['part']}: {report['firstDay']} to {report['lastDay']}: {report['verdict']}"
    yield f"of what was received until {report['receivedUntil']}; the next audit has the rest"
    if not report["usage"]:
        yield "no usage was received by then"
    names = [_name(one) for one in report["usage"]]
    width = max(map(len, names), default=0)
    yield f"{'meter, account':<{width}}  " + "  ".join(f"{stage:>9}" for stage in STAGES)
    for name, one in zip(names, report["usage"], strict=True):
        counts = [one[stage]["measurements"] if one[stage] else "-" for stage in STAGES]
        yield f"{name:<{width}}  " + "  ".join(f"{count:>9}" for count in counts)
        billed = one["billed"]
        if billed["withoutPrice"] or billed["withoutBill"]:
            yield f"  not billed: {billed['withoutPrice']} without a price, {billed['withoutBill']} without a bill"
    for one in report["differences"]:
        figures = "; ".join(f"{each['figure']}: {each['expected']} is {each['found']}" for each in one["figures"])
        yield f"DIFFERS {one['stage']} {one['cause']} {_name(one)}: {one['message']} [{figures}]"
    for one in report["notCompared"]:
        yield f"not compared: {one['stage']} {_name(one)}: {one['reason']}"


def _name(one: Document) -> str:
    parts = (one.get(f"{kind}Code") or one.get(f"{kind}Id") or "-" for kind in ("meter", "account"))
    return ", ".join(parts)
