from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from tests.fakes.aws_marketplace import FakeMeteringService, client_error
from tests.fakes.clock import FrozenClock
from tests.fakes.entities import FakeEntityRepository
from tests.unit.domain.integrations.test_invoice import BILL, LINE
from usance.adapters.connectors.aws_marketplace import AwsMarketplace
from usance.application.integrations.metering_ledger import MeteringLedger
from usance.application.ports.connectors import BillJob, Connection
from usance.domain.integrations.external_ids import ExternalId, ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Product, invoice_of
from usance.domain.notifications.delivery import Fault

NOW = datetime(2026, 3, 7, 9, 20, tzinfo=UTC)
HOUR = datetime(2026, 3, 7, 9, tzinfo=UTC)
LICENCE = "arn:aws:license-manager::111122223333:license/l-1"
API = Product("p-api", "api", "API")
CUSTOMER = ExternalId("Account", "a-1", "Customer", "cust-1")
DIMENSION = ExternalId("Product", "p-api", "Dimension", "prod1-api")
SKELETON = invoice_of(BILL, [LINE])


def job(
    *amounts: str, bill_id: str = "b-1", known: tuple[ExternalId, ...] = (CUSTOMER, DIMENSION), **options
) -> BillJob:
    lines = tuple(
        replace(SKELETON.lines[0], id=f"l-{at}", amount=Decimal(amount), product=API)
        for at, amount in enumerate(amounts)
    )
    invoice = replace(SKELETON, bill_id=bill_id, account_id="a-1", currency="USD", lines=lines, approved=True)
    connection = Connection("org", "configuration", "AWS", options)
    return BillJob(connection, invoice, {"id": "a-1"}, ExternalIds(known), None, "key")


class World:
    def __init__(self) -> None:
        self.clock = FrozenClock(NOW)
        self.service = FakeMeteringService(self.clock)
        self.ledger = MeteringLedger(FakeEntityRepository(self.clock))
        self.connector = AwsMarketplace(self.clock, self.ledger, self.service.client)

    def refused(self, of: BillJob) -> ConnectorError:
        with pytest.raises(ConnectorError) as raised:
            self.connector.send(of)
        return raised.value


@pytest.fixture
def world() -> World:
    return World()


def test_a_bill_is_metered_in_cents_for_the_present_hour(world):
    sent = world.connector.send(job("10.00", "2.50"))

    assert sent.external_id == "metering-1"
    assert world.service.calls == [
        {
            "ProductCode": "prod1",
            "UsageRecords": [{"Timestamp": HOUR, "Dimension": "api", "Quantity": 1250, "CustomerIdentifier": "cust-1"}],
        }
    ]


def test_the_same_bill_again_meters_nothing(world):
    first = world.connector.send(job("10.00"))

    assert world.connector.send(job("10.00")) == first
    assert len(world.service.calls) == 1


def test_of_a_bill_that_grew_only_the_rest_is_metered_in_another_hour(world):
    world.connector.send(job("10.00"))
    world.connector.send(job("10.00", "0.07"))

    assert sorted(world.service.taken) == [
        ("cust-1", "prod1", "api", HOUR - timedelta(hours=1)),
        ("cust-1", "prod1", "api", HOUR),
    ]
    assert world.service.total() == 1007


def test_two_bills_of_one_amount_in_one_hour_are_both_metered(world):
    for bill_id in ("b-1", "b-2", "b-3"):
        world.connector.send(job("10.00", bill_id=bill_id))

    assert world.service.total() == 3000


def test_a_bill_waits_for_the_next_hour_when_other_bills_have_all_that_aws_takes(world):
    for number in range(5):
        world.connector.send(job("10.00", bill_id=f"b-{number}"))

    refused = world.refused(job("10.00", bill_id="b-5"))
    assert (refused.fault, refused.retry_after) == (Fault.RATE_LIMITED, timedelta(minutes=40))

    world.clock.instant = NOW + timedelta(minutes=40)
    world.connector.send(job("10.00", bill_id="b-5"))
    assert world.service.total() == 6000


def test_a_bill_that_shrank_is_refused_and_one_that_is_gone_too(world):
    world.connector.send(job("10.00"))

    refused = world.refused(job("9.00"))
    assert refused.fault is Fault.PAYLOAD_REFUSED
    assert "100 cents more" in refused.detail
    with pytest.raises(ConnectorError, match="takes no metering back"):
        world.connector.void(job())


def test_a_bill_of_which_nothing_was_metered_may_go(world):
    assert world.connector.send(job("0.00")) is None
    world.connector.void(job())
    assert world.service.calls == []


def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_record(world):
    world.service.lost = [ReadTimeoutError(endpoint_url="https://metering")]
    assert world.refused(job("10.00")).fault is Fault.UNREACHABLE

    world.clock.instant = NOW + timedelta(hours=2)
    assert world.connector.send(job("10.00")).external_id == "metering-1"
    assert world.service.calls[0] == world.service.calls[1]
    assert world.service.total() == 1000


def test_a_crash_between_the_note_and_the_call_leaves_a_record_that_the_next_attempt_sends(world):
    world.service.faults = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        world.connector.send(job("10.00"))

    world.connector.send(job("10.00"))
    assert world.service.total() == 1000


def test_a_crash_between_the_call_and_the_record_of_it_meters_once(world):
    world.service.lost = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        world.connector.send(job("10.00"))

    world.connector.send(job("10.00"))
    assert world.service.total() == 1000


def test_what_aws_may_have_taken_is_never_sent_for_another_hour(world):
    world.service.lost = [ReadTimeoutError(endpoint_url="https://metering")]
    world.refused(job("10.00"))
    world.clock.instant = NOW + timedelta(hours=6)

    refused = world.refused(job("10.00"))
    assert refused.fault is Fault.REFUSED
    assert "whether AWS took 1000 cents of prod1-api for 2026-03-07 09:00 UTC is not known" in refused.detail
    assert world.service.total() == 1000


@pytest.mark.parametrize(
    ("code", "status", "fault"),
    [
        ("AccessDeniedException", 400, Fault.CREDENTIALS_REFUSED),
        ("ThrottlingException", 400, Fault.RATE_LIMITED),
        ("InvalidProductCodeException", 400, Fault.PAYLOAD_REFUSED),
        ("InvalidUsageDimensionException", 400, Fault.PAYLOAD_REFUSED),
        ("InvalidCustomerIdentifierException", 400, Fault.PAYLOAD_REFUSED),
    ],
)
def test_what_aws_refused_is_metered_in_the_hour_when_it_is_mended(world, code, status, fault):
    world.service.faults = [client_error(code, status)]
    refused = world.refused(job("10.00"))
    assert (refused.fault, refused.detail) == (fault, f"{code}: said so")

    world.clock.instant = NOW + timedelta(days=3)
    world.connector.send(job("10.00"))
    assert [key[3] for key in world.service.taken] == [HOUR + timedelta(days=3)]


def test_a_failure_of_the_service_is_passing_and_what_it_may_have_taken_is_repeated(world):
    world.service.lost = [client_error("InternalServiceErrorException", 500)]
    assert world.refused(job("10.00")).fault is Fault.PASSING

    world.connector.send(job("10.00"))
    assert world.service.total() == 1000


def test_records_that_were_not_processed_are_sent_again(world):
    world.service.unprocessed = 1
    assert world.refused(job("10.00")).fault is Fault.PASSING
    assert world.service.total() == 0

    world.connector.send(job("10.00"))
    assert world.service.total() == 1000


def test_an_hour_that_has_a_record_of_other_origin_is_left_alone(world):
    world.service.taken["cust-1", "prod1", "api", HOUR] = (77, "theirs")
    assert world.refused(job("10.00")).fault is Fault.PASSING

    world.connector.send(job("10.00"))
    assert world.service.taken["cust-1", "prod1", "api", HOUR - timedelta(hours=1)][0] == 1000


def test_a_customer_without_subscription_is_named(world):
    world.service.unsubscribed = ["cust-1"]
    refused = world.refused(job("10.00"))

    assert refused.fault is Fault.PAYLOAD_REFUSED
    assert "cust-1 has no subscription" in refused.detail
    assert world.ledger.of_bill("org", "b-1").records == ()


def test_an_account_without_a_customer_is_named(world):
    refused = world.refused(job("10.00", known=(DIMENSION,)))

    assert (refused.fault, "map the account a-1" in refused.detail) == (Fault.ACCOUNT_NOT_MAPPED, True)


def test_a_charge_without_a_dimension_is_refused_and_a_usual_dimension_takes_it(world):
    refused = world.refused(job("10.00", known=(CUSTOMER,)))
    assert refused.fault is Fault.PAYLOAD_REFUSED
    assert "map the product p-api" in refused.detail

    world.connector.send(job("10.00", known=(CUSTOMER,), defaultDimension="prod1-other"))
    assert [key[2] for key in world.service.taken] == ["other"]


def test_only_bills_in_us_dollars_are_metered(world):
    of = job("10.00")
    refused = world.refused(replace(of, invoice=replace(of.invoice, currency="EUR")))

    assert (refused.fault, "meters in USD" in refused.detail) == (Fault.PAYLOAD_REFUSED, True)


def test_a_bill_that_may_still_change_is_not_metered(world):
    of = job("10.00")

    assert world.connector.send(replace(of, invoice=replace(of.invoice, approved=False))) is None
    assert world.service.calls == []


def test_a_customer_with_a_licence_is_metered_by_it_and_by_the_number_of_its_account(world):
    licensed = (replace(CUSTOMER, external_id="444455556666"), replace(CUSTOMER, table="License", external_id=LICENCE))
    world.connector.send(job("10.00", known=(*licensed, DIMENSION)))

    assert world.service.calls == [
        {
            "UsageRecords": [
                {
                    "Timestamp": HOUR,
                    "Dimension": "api",
                    "Quantity": 1000,
                    "CustomerAWSAccountId": "444455556666",
                    "LicenseArn": LICENCE,
                }
            ]
        }
    ]


def test_a_licence_asks_for_the_number_of_an_account(world):
    refused = world.refused(
        job("1", known=(CUSTOMER, replace(CUSTOMER, table="License", external_id=LICENCE), DIMENSION))
    )

    assert refused.fault is Fault.PAYLOAD_REFUSED


def test_more_dimensions_than_a_call_takes_go_in_several(world):
    products = [Product(f"p-{number}", "", "") for number in range(30)]
    known = [ExternalId("Product", each.id, "Dimension", f"prod1-d{each.id}") for each in products]
    of = job("1.00", known=(CUSTOMER, *known))
    lines = tuple(replace(of.invoice.lines[0], product=product) for product in products)
    world.connector.send(replace(of, invoice=replace(of.invoice, lines=lines)))

    assert [len(call["UsageRecords"]) for call in world.service.calls] == [25, 5]
    assert world.service.total() == 3000


@pytest.mark.parametrize(
    "known",
    [
        (CUSTOMER, DIMENSION),
        (
            replace(CUSTOMER, external_id="444455556666"),
            replace(CUSTOMER, table="License", external_id=LICENCE),
            DIMENSION,
        ),
    ],
)
def test_the_sdk_of_aws_takes_the_requests_and_its_answers_are_understood(known):
    client = boto3.client(
        "meteringmarketplace", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )
    clock = FrozenClock(NOW)
    connector = AwsMarketplace(clock, MeteringLedger(FakeEntityRepository(clock)), lambda *_: client)
    record = {"Timestamp": HOUR, "Dimension": "api", "Quantity": 1000}
    with Stubber(client) as stubber:
        answer = {"Results": [{"UsageRecord": record, "Status": "Success", "MeteringRecordId": "m-1"}]}
        stubber.add_response("batch_meter_usage", answer)
        assert connector.send(job("10.00", known=known)).external_id == "m-1"
