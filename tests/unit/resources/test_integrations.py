"""What can be set up of integrations, and what is refused."""

from typing import Any

import pytest

from tests.fakes.organization import Organization
from usance.bootstrap.connectors import CONNECTORS
from usance.domain.integrations.systems import SYSTEMS, system_of
from usance.resources.integration_configuration import IntegrationCredentials

KEY = {"type": "STATIC_API_KEY", "apiKey": "sk_test_x"}


@pytest.fixture
def org() -> Organization:
    return Organization()


def to_stripe(org: Organization, **more: Any) -> dict[str, Any]:
    return org.make("integrationConfiguration", **_stripe(**more))


def _stripe(**more: Any) -> dict[str, Any]:
    return {"entityType": "Bill", "entityId": None, "destination": "Stripe", "destinationId": None, **more}


def test_a_configuration_is_authorized_once_it_has_the_credentials_that_its_system_asks_for(org: Organization) -> None:
    assert to_stripe(org)["authorized"] is False
    assert to_stripe(org, credentials={"type": "STATIC_API_KEY", "token": "x"})["authorized"] is False
    assert to_stripe(org, credentials={"type": "HTTP_BASIC", "apiKey": "x"})["authorized"] is False
    made = to_stripe(org, credentials=KEY)
    assert made["authorized"] is True
    path = f"/integrationconfigs/{made['id']}"
    kept = org.client.call("PUT", path, {**made, "name": "Ours"}).json
    assert (kept["authorized"], kept["name"]) == (True, "Ours")
    without = {name: value for name, value in kept.items() if name != "integrationCredentialsId"}
    assert org.client.call("PUT", path, without).json["authorized"] is False


@pytest.mark.parametrize(
    ("linked", "authorized"),
    [({}, True), ({"entityType": "NOTIFICATION"}, True), ({"entityType": "Bill"}, False), ({"entityId": None}, False)],
)
def test_a_webhook_is_authorized_for_the_rule_that_it_is_linked_to(
    org: Organization, linked: dict[str, Any], authorized: bool
) -> None:
    assert org.make("integrationConfiguration", **linked)["authorized"] is authorized


def test_entities_that_a_system_does_not_take_are_kept_and_not_authorized(org: Organization) -> None:
    assert to_stripe(org, entityType="Meter", credentials=KEY)["authorized"] is False


@pytest.mark.parametrize(
    "options",
    [
        {"accountIds": "a"},
        {"restrictedAccountIds": [1]},
        {"accountIds": ["a"] * 1_001},
        {"onlySendBillOnApproval": "yes"},
        {"disabledNotificationUserIds": ["u"] * 21},
        {"collectionMethod": "barter"},
        {"collectionMethod": 1},
        {"autoAdvance": "yes"},
    ],
)
def test_an_option_of_the_wrong_kind_is_refused_by_its_name(org: Organization, options: dict[str, Any]) -> None:
    answer = org.create("integrationConfiguration", **_stripe(configData=options))
    assert (answer.status, next(iter(options)) in answer.message) == (400, True)


def test_an_option_that_a_system_cannot_do_without_is_asked_for(org: Organization) -> None:
    answer = org.create("integrationConfiguration", **_stripe(destination="Xero"))
    assert (answer.status, "configData.accountCode is required for Xero" in answer.message) == (400, True)
    made = org.create("integrationConfiguration", **_stripe(destination="Xero", configData={"accountCode": "200"}))
    assert made.status == 200


def test_it_is_disabled_and_enabled(org: Organization) -> None:
    made = to_stripe(org)
    assert org.client.post(f"/integrationconfigs/{made['id']}/disable").json["enabled"] is False
    assert org.client.post(f"/integrationconfigs/{made['id']}/enable").json["enabled"] is True


def test_its_own_external_mappings_are_deleted_with_it(org: Organization) -> None:
    made = to_stripe(org)
    own = org.make("externalMapping", integrationConfigId=made["id"])
    other = org.make("externalMapping", integrationConfigId=None)
    assert org.client.call("DELETE", f"/integrationconfigs/{made['id']}").status == 200
    assert org.client.get(f"/externalmappings/{own['id']}").status == 404
    assert org.client.get(f"/externalmappings/{other['id']}").status == 200


def test_what_is_available_says_how_to_set_it_up(org: Organization) -> None:
    made = to_stripe(org, credentials=KEY)
    found = org.client.get("/integrationconfigs/available", systemName="stripe", entityType="bill").json
    assert list(found["supportedEntities"]) == ["Bill"]
    live, test = found["supportedEntities"]["Bill"]["destinations"]
    assert (live["destination"], live["displayName"], live["authType"]) == ("STRIPE", "Stripe", "STATIC_API_KEY")
    assert (test["destination"], test["displayName"]) == ("STRIPE_TEST", "Stripe (test)")
    assert "collectionMethod" in {option["name"] for option in live["destinationConfigOptions"]}
    assert live["authConfigOptions"][0] == {
        "name": "apiKey",
        "label": "Secret or restricted key",
        "type": "string",
        "required": True,
        "secret": True,
        "values": [],
    }
    common = [option["name"] for option in found["globalConfigurationOptions"]]
    assert common == [
        "accountIds",
        "restrictedAccountIds",
        "disabledNotificationUserIds",
        "onlySendBillOnApproval",
    ]
    assert [one["id"] for one in found["selectedConfigurations"]] == [made["id"]]
    assert "sk_test_x" not in str(found)


def test_everything_is_available_without_a_filter_and_nothing_for_what_there_is_not(org: Organization) -> None:
    assert {"Bill", "Notification"} <= set(org.client.get("/integrationconfigs/available").json["supportedEntities"])
    nothing = org.client.get("/integrationconfigs/available", systemName="Abacus").json
    assert (nothing["supportedEntities"], nothing["selectedConfigurations"]) == ({}, [])


def test_systems_are_listed_with_the_entities_and_credentials_that_they_take(org: Organization) -> None:
    listed = org.client.get("/integrationconfigs/available/systems").json
    assert {"identifier": "WEBHOOK", "displayName": "Webhook"}.items() <= listed[0].items()
    assert "STRIPE_TEST" in {one["identifier"] for one in listed}
    bills = org.client.get("/integrationconfigs/available/systems", entityType="Bill").json
    assert "WEBHOOK" not in {one["identifier"] for one in bills}
    assert org.client.get("/integrationconfigs/available/stripe_test/entities").json == ["Bill"]
    [first, *_] = org.client.get("/integrationconfigs/available/Stripe/auth/Bill").json
    assert (first["authType"], first["type"]) == ("STATIC_API_KEY", "STATIC_API_KEY")
    values = org.client.get("/integrationconfigs/values/Stripe/collectionMethod").json
    assert [one["id"] for one in values] == ["send_invoice", "charge_automatically"]
    assert org.client.get("/integrationconfigs/values/Stripe/accountIds").json == []


@pytest.mark.parametrize(
    "path",
    ["available/Abacus/entities", "available/Stripe/auth/Meter", "values/Stripe/colour", "values/Abacus/colour"],
)
def test_what_there_is_not_is_not_found(org: Organization, path: str) -> None:
    assert org.client.get(f"/integrationconfigs/{path}").status == 404


def test_tables_of_systems_are_listed_for_mappings(org: Organization) -> None:
    found = org.client.get("/externalmappingconfiguration").json
    [stripe] = [one for one in found["externalSystems"] if one["name"] == "Stripe"]
    assert stripe == {"name": "Stripe", "tables": ["Customer", "Invoice", "Product"], "allowCustomExternalTables": True}
    assert {"Account", "Bill", "Product"} <= set(found["m3terEntities"])
    assert org.client.get("/externalmappingconfiguration/values/Stripe/Account").json == []
    assert org.client.get("/externalmappingconfiguration/values/Stripe/Account/x").json == []


def test_every_destination_has_one_system_and_one_connector() -> None:
    named = [destination.lower() for system in SYSTEMS for destination in system.destinations]
    assert len(named) == len(set(named))
    assert set(named) == set(CONNECTORS)
    for system in SYSTEMS:
        assert system_of(system.destinations[0].title()) is system


def test_systems_name_credentials_that_the_api_has() -> None:
    known = IntegrationCredentials.model_json_schema()["properties"]["type"]["enum"]
    assert {kind for system in SYSTEMS for kind in system.credentials} <= set(known)
