"""Records that earlier versions wrote stay readable, and give the same bills, byte for byte."""

import zlib
from pathlib import Path

import pytest

from tests.unit.application.billing.golden.make import FOLDER, given
from usance.application.billing.records import codec
from usance.application.billing.records.record import FORMAT, BillRecord

RECORDS = sorted(FOLDER.glob("*.record.json"))


def read(path: Path) -> BillRecord:
    return BillRecord.unpack(zlib.compress(path.read_bytes()))


def test_the_format_of_today_has_a_record() -> None:
    assert FORMAT in {read(path).format for path in RECORDS}


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name)
@pytest.mark.parametrize("kind", ["bill", "explained"])
def test_an_old_record_gives_the_bill_and_the_explanations_that_it_gave(path: Path, kind: str) -> None:
    assert given(read(path))[kind] == path.with_name(path.name.replace(".record.", f".{kind}.")).read_bytes()


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name)
def test_an_old_record_is_written_as_it_was_read(path: Path) -> None:
    record = read(path)
    assert codec.decode(codec.encode(record), BillRecord) == record
