"""What saving an integration configuration looks at, by the external system that it names."""

from typing import Any

import pytest

from tests.fakes.organization import Organization
from usance.bootstrap.connectors import CONNECTORS
from usance.domain.integrations.systems import SYSTEMS

URL = "https://example.com/changes"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:changes"


@pytest.fixture
def organization() -> Organization:
    return Organization()


def body(organization: Organization, destination: str, options: dict[str, Any], **more: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "entityType": "Bill" if destination == "AWS" else "Account",
        "entityId": None,
        "destinationId": None,
        "destination": destination,
        "configData": options,
    }
    return organization.body("integrationConfiguration", **(values | more))


def saved(organization: Organization, destination: str, options: dict[str, Any]) -> dict[str, Any]:
    answer = organization.client.post("/integrationconfigs", body(organization, destination, options))
    assert answer.status == 200, answer.text
    return dict(answer.json)


def test_every_system_has_a_connector_for_each_of_its_destinations():
    destinations = [name.lower() for system in SYSTEMS for name in system.destinations]

    assert sorted(destinations) == sorted(CONNECTORS)


@pytest.mark.parametrize(
    ("destination", "options"),
    [
        ("Custom", {"url": URL, "mapping": '{"id": new.id}', "changes": ["created"]}),
        ("SQS", {"queueArn": QUEUE}),
        ("EventBridge", {"eventBusArn": "arn:aws:events:eu-west-1:123456789012:event-bus/billing"}),
        ("SALESFORCE", {"externalIdField": "BillingId__c", "mapping": "new"}),
        ("AWS", {"region": "us-east-1", "defaultDimension": "prod1-api"}),
        ("SomethingElse", {"url": "http://10.0.0.1", "mapping": "("}),
    ],
)
def test_options_that_fit_the_destination_are_kept(organization, destination, options):
    assert saved(organization, destination, options)["configData"] == options


@pytest.mark.parametrize(
    ("destination", "options", "message"),
    [
        ("Custom", {}, "configData.url is required"),
        ("custom", {"url": "https://10.0.0.1/changes"}, "url: this address may not be reached"),
        (
            "Custom",
            {"url": URL, "mapping": "new.("},
            "configData.mapping: Expected ) before end of expression (line 1, ",
        ),
        ("SQS", {"queueArn": QUEUE, "mapping": "new.("}, "configData.mapping: Expected )"),
        ("SALESFORCE", {"mapping": "new.("}, "configData.mapping: Expected )"),
        ("SQS", {"queueArn": "changes"}, "configData.queueArn must be such as"),
        ("EventBridge", {}, "configData.eventBusArn is required"),
        ("EventBridge", {"eventBusArn": "default"}, "configData.eventBusArn must be such as"),
        ("Custom", {"url": URL, "changes": "created"}, "configData.changes must be of type array"),
        ("Custom", {"url": URL, "mapping": {"a": 1}}, "configData.mapping must be of type string"),
        ("SALESFORCE", {"objectName": "a b"}, "configData.objectName must be an API name"),
        ("AWS", {"defaultDimension": "api"}, "configData.defaultDimension must be such as productCode-dimensionKey"),
        ("AWS", {"region": "Ireland"}, "configData.region must be such as us-east-1"),
    ],
)
def test_options_that_nothing_can_be_sent_with_are_refused(organization, destination, options, message):
    answer = organization.client.post("/integrationconfigs", body(organization, destination, options))

    assert answer.status == 400
    assert message in answer.json["message"]
    assert organization.client.get("/integrationconfigs").json["data"] == []


@pytest.mark.parametrize(
    ("destination", "options", "authorized"),
    [
        ("Custom", {"url": URL}, True),
        ("AWS", {}, True),
        ("SQS", {"queueArn": QUEUE}, False),
        ("SALESFORCE", {}, False),
    ],
)
def test_a_configuration_without_credentials_is_authorized_where_none_are_needed(
    organization, destination, options, authorized
):
    assert saved(organization, destination, options)["authorized"] is authorized


def test_a_configuration_is_authorized_once_it_has_the_credentials_that_its_system_asks_for(organization):
    role = {"type": "AWS_INTEGRATION", "roleArn": "arn:aws:iam::123456789012:role/billing"}
    made = organization.client.post(
        "/integrationconfigs", body(organization, "SQS", {"queueArn": QUEUE}, credentials=role)
    )

    assert made.json["authorized"] is True


@pytest.mark.parametrize(
    ("credentials", "authorized"),
    [
        ({"type": "M3TER_SIGNED_REQUEST", "apiKey": "k", "secret": "s"}, True),
        ({"type": "M3TER_SIGNED_REQUEST", "apiKey": "k"}, False),
        ({"type": "M3TER_SIGNED_REQUEST", "secret": "s"}, False),
        ({"type": "HTTP_BASIC", "apiKey": "k", "secret": "s"}, False),
    ],
)
def test_credentials_that_an_endpoint_could_do_without_are_whole_where_they_are_given(
    organization, credentials, authorized
):
    made = organization.client.post(
        "/integrationconfigs", body(organization, "Custom", {"url": URL}, credentials=credentials)
    )
    assert made.json["authorized"] is authorized
    path = f"/integrationconfigs/{made.json['id']}"

    kept = organization.client.put(path, made.json | {"name": "Ours"}).json
    assert kept["authorized"] is authorized
    unsigned = {name: value for name, value in kept.items() if name != "integrationCredentialsId"}
    assert organization.client.put(path, unsigned).json["authorized"] is True


@pytest.mark.parametrize("text", ["ключ", "a\nb", " key", "key\t"])
@pytest.mark.parametrize(
    ("destination", "options", "credentials", "named"),
    [
        ("Custom", {"url": URL}, {"type": "M3TER_SIGNED_REQUEST", "secret": "тихо"}, "apiKey"),
        ("STRIPE", {}, {"type": "STATIC_API_KEY"}, "apiKey"),
        ("PADDLE", {}, {"type": "PADDLE_AUTH"}, "apiKey"),
        ("XERO", {"accountCode": "200"}, {"type": "OAUTH_CLIENT_CREDENTIALS", "clientId": "i"}, "tenantId"),
    ],
)
def test_what_is_sent_as_a_header_can_be_one(organization, destination, options, credentials, named, text):
    def answer(value: str) -> Any:
        given = {"entityType": "Bill", "credentials": {**credentials, named: value}}
        return organization.client.post("/integrationconfigs", body(organization, destination, options, **given))

    refused = answer(text)
    assert refused.status == 400
    assert f"credentials.{named} must be printable ASCII without spaces around it" in refused.json["message"]
    assert answer("k 1").status == 200


def test_an_option_that_is_sent_as_a_header_can_be_one(organization):
    given = body(organization, "STRIPE", {"stripeAccount": "acct_\r\nX: 1"}, entityType="Bill")
    answer = organization.client.post("/integrationconfigs", given)
    assert answer.status == 400
    assert "configData.stripeAccount must be printable ASCII" in answer.json["message"]


def test_an_update_looks_at_what_it_changes(organization):
    made = saved(organization, "Custom", {"url": URL})
    path = f"/integrationconfigs/{made['id']}"
    changed = body(organization, "Custom", {"url": URL, "mapping": "("}, version=made["version"])

    assert organization.client.put(path, changed).status == 400
    kept = organization.client.put(path, changed | {"configData": {"url": URL, "mapping": "new"}})
    assert kept.json["configData"] == {"url": URL, "mapping": "new"}
