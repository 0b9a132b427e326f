"""`usance replay`: calculates a bill again from its record and compares it with the stored one."""

import argparse
import json
import sys
from typing import Final

from usance.bootstrap.command import Reach

SAME: Final = 0
DIFFERENT: Final = 1


def add_arguments(parser: argparse.ArgumentParser, _common: argparse.ArgumentParser) -> None:
    """What the command takes besides the common options."""
    parser.add_argument("bill", help="id of the bill")
    parser.set_defaults(run=run)


def run(reached: Reach, arguments: argparse.Namespace) -> int:
    """Show what was found: 0 when the bill is the same, byte for byte, and 1 when it is not."""
    org_id = reached.organization(arguments.org)
    found = reached.invoke({"action": "replayBill", "orgId": org_id, "billId": arguments.bill})
    differences = json.loads(found["differences"], parse_float=str, parse_int=str)
    lines = [
        f"bill      {found['billId']}, {found['bytes']:,} bytes",
        f"record    {found['recordId']}",
        f"stored    sha256 {found['storedDigest']}",
        f"replayed  sha256 {found['recalculatedDigest']}",
        *(
            f"  {_place(one)}: {one['field']} is {one['stored']}, and comes to {one['recalculated']}"
            for one in differences
        ),
        "the same, byte for byte" if found["equal"] else "NOT the same",
        "",
    ]
    sys.stdout.write("\n".join(lines))
    return SAME if found["equal"] else DIFFERENT


def _place(difference: dict[str, str]) -> str:
    return f"line item {difference['lineItemId']}" if "lineItemId" in difference else "bill"
