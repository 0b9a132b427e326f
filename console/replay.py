"""`usance replay`: calculate a bill again from its record and compare it with the stored one."""

import argparse
import json
from typing import TextIO

from console.admin import Admin

SAME, DIFFERENT = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes besides the common options."""
    parser.add_argument("bill", help="id of the bill")


def run(admin: Admin, organization: str, arguments: argparse.Namespace, out: TextIO) -> int:
    """Print what was found; the exit status is 0 when the bill is the same, byte for byte, and 1 when it is not."""
    found = admin({"action": "replayBill", "orgId": organization, "billId": arguments.bill})
    print(f"bill      {found['billId']}, {found['bytes']:,} bytes", file=out)
    print(f"record    {found['recordId']}", file=out)
    print(f"stored    sha256 {found['storedDigest']}", file=out)
    print(f"replayed  sha256 {found['recalculatedDigest']}", file=out)
    for one in json.loads(found["differences"], parse_float=str, parse_int=str):
        place = f"line item {one['lineItemId']}" if "lineItemId" in one else "bill"
        print(f"  {place}: {one['field']} is {one['stored']}, and comes to {one['recalculated']}", file=out)
    print("the same, byte for byte" if found["equal"] else "NOT the same", file=out)
    return SAME if found["equal"] else DIFFERENT
