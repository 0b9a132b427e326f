"""What was metered of which bill, in the stores that it is written to."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contract.stores import DYNAMODB_TARGETS
from tests.fakes.clock import FrozenClock
from tests.fakes.entities import FakeEntityRepository
from usance.adapters.dynamodb.entities import DynamoEntityRepository
from usance.application.integrations.metering_ledger import MeteringLedger, MeteringRecord
from usance.domain.integrations.aws_marketplace import Dimension, hours
from usance.domain.kernel.errors import VersionConflictError

NOW = datetime(2026, 3, 7, 9, 20, tzinfo=UTC)
ORG = "0190a5d0-ac96-774b-bcce-b302099a8057"


@pytest.fixture(params=["fake", *DYNAMODB_TARGETS])
def ledger(request: pytest.FixtureRequest, fresh_table: Callable[[str, str], tuple[Any, str]]) -> MeteringLedger:
    clock = FrozenClock(NOW)
    if request.param == "fake":
        return MeteringLedger(FakeEntityRepository(clock))
    client, table = fresh_table(str(request.param), "EntitiesTable")
    return MeteringLedger(DynamoEntityRepository(client, table, clock))


def records(count: int = 1) -> list[MeteringRecord]:
    hour = hours(NOW)[0]
    return [MeteringRecord("customer", "prod1", Dimension("prod1", f"d{at}"), hour, 100 + at) for at in range(count)]


def test_what_is_claimed_is_read_again_as_it_was(ledger: MeteringLedger) -> None:
    claimed = ledger.claim(ledger.of_bill(ORG, "bill"), records(25))  # as many as one call meters

    assert ledger.of_bill(ORG, "bill") == claimed
    assert list(claimed.records) == records(25)


def test_an_hour_belongs_to_the_first_that_claims_it(ledger: MeteringLedger) -> None:
    [record] = records()
    ledger.claim(ledger.of_bill(ORG, "bill"), [record])

    with pytest.raises(VersionConflictError):
        ledger.claim(ledger.of_bill(ORG, "other"), [record])
    assert ledger.of_bill(ORG, "other").records == ()
    found = ledger.free_hour(ORG, record, hours(NOW))
    assert found is not None
    assert found.hour == hours(NOW)[1]


def test_two_workers_with_one_bill_do_not_both_write(ledger: MeteringLedger) -> None:
    before = ledger.of_bill(ORG, "bill")
    ledger.claim(before, records(1))

    with pytest.raises(VersionConflictError):
        ledger.claim(before, records(2)[1:])


def test_a_record_that_was_taken_bears_the_id_that_aws_gave_it(ledger: MeteringLedger) -> None:
    [first, second] = records(2)
    ledger.accepted(ledger.claim(ledger.of_bill(ORG, "bill"), [first, second]), {first: "m-1"})

    assert [record.record_id for record in ledger.of_bill(ORG, "bill").records] == ["m-1", None]


def test_an_hour_is_free_again_when_nothing_was_taken_unless_aws_has_another_record_of_it(
    ledger: MeteringLedger,
) -> None:
    [kept, freed] = records(2)
    bill = ledger.claim(ledger.of_bill(ORG, "bill"), [kept, freed])
    bill = ledger.refused(bill, [freed], hours_free=True)
    ledger.refused(bill, [kept], hours_free=False)

    assert ledger.of_bill(ORG, "bill").records == ()
    assert ledger.free_hour(ORG, freed, hours(NOW)[:1]) == freed
    assert ledger.free_hour(ORG, kept, hours(NOW)[:1]) is None
