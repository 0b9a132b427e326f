"""Configuration through the official SDK, against the running stack."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import m3ter
import pytest
from m3ter import M3ter

from local.testing import RunningStack
from usance.resources import wire


@pytest.fixture(scope="module")
def catalogue(client: M3ter) -> dict[str, Any]:
    """One of each resource, as an integrator would make them."""
    product = client.products.create(name="LLM API", code="llm_api", custom_fields={"tier": "gold", "weight": 1.5})
    meter = client.meters.create(
        name="Requests",
        code="llm_requests",
        product_id=product.id,
        data_fields=[
            {"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "tokens"},
            {"category": "WHERE", "code": "region", "name": "Region"},
        ],
        derived_fields=[
            {"category": "MEASURE", "code": "k", "name": "Thousands", "unit": "k", "calculation": "tokens / 1000"}
        ],
    )
    aggregation = client.aggregations.create(
        name="Tokens",
        code="tokens",
        meter_id=meter.id,
        target_field="tokens",
        aggregation="SUM",
        quantity_per_unit=1,
        rounding="NONE",
        unit="tokens",
        segmented_fields=["region"],
        segments=[{"region": "EU"}, {"region": "*"}],
    )
    template = client.plan_templates.create(
        name="Monthly",
        code="monthly",
        product_id=product.id,
        currency="USD",
        bill_frequency="MONTHLY",
        standing_charge=20,
    )
    plan = client.plans.create(name="Basic", code="basic", plan_template_id=template.id)
    pricing = client.pricings.create(
        plan_id=plan.id,
        aggregation_id=aggregation.id,
        segment={"region": "EU"},
        pricing_bands=[{"lower_limit": 0, "fixed_price": 0, "unit_price": 0.000003}],
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        cumulative=True,
    )
    account = client.accounts.create(
        name="Acme",
        code="acme",
        email_address="billing@example.com",
        address={"address_line1": "1 Main Street", "country": "DE"},
        bill_epoch=datetime(2026, 1, 1).date().isoformat(),
    )
    account_plan = client.account_plans.create(
        account_id=account.id, plan_id=plan.id, start_date=datetime(2026, 1, 1, tzinfo=UTC)
    )
    currency = client.currencies.create(name="Euro", code="EUR", max_decimal_places=2, rounding_mode="HALF_EVEN")
    rule = client.notification_configurations.create(
        name="Large bill",
        code="large_bill",
        description="Tells of bills over 50",
        event_name="billing.bill.updated",
        calculation="new.billTotal > 50",
    )
    definition = client.statements.statement_definitions.create(
        name="Daily",
        aggregation_frequency="DAY",
        dimensions=[{"name": "region", "filter": ["*"], "meter_id": meter.id}],
        measures=[{"name": "tokens", "aggregations": ["SUM"], "meter_id": meter.id}],
    )
    return {
        "products": product,
        "meters": meter,
        "aggregations": aggregation,
        "plan_templates": template,
        "plans": plan,
        "pricings": pricing,
        "accounts": account,
        "account_plans": account_plan,
        "currencies": currency,
        "notification_configurations": rule,
        "definitions": definition,
    }


def resources(client: M3ter) -> dict[str, Any]:
    named = (
        "products meters aggregations plan_templates plans pricings accounts account_plans currencies "
        "notification_configurations"
    )
    found = {name: getattr(client, name) for name in named.split()}
    return {**found, "definitions": client.statements.statement_definitions}


def test_everything_made_is_retrieved_and_listed(client: M3ter, catalogue: dict[str, Any]) -> None:
    for name, resource in resources(client).items():
        made = catalogue[name]
        assert resource.retrieve(made.id) == made, name
        assert made.id in [item.id for item in resource.list(page_size=50)], name
        assert made.version == 1
        known = {field.alias or attribute for attribute, field in type(made).model_fields.items()}
        assert (made.model_extra or {}).keys() <= known, name


def test_what_the_server_adds_is_there(catalogue: dict[str, Any]) -> None:
    assert catalogue["plans"].product_id == catalogue["products"].id
    assert catalogue["account_plans"].product_id == catalogue["products"].id
    assert catalogue["pricings"].aggregation_type == "SIMPLE"
    assert catalogue["pricings"].segment_string == "region=EU"
    assert catalogue["pricings"].pricing_bands[0].id
    assert catalogue["products"].created_by.startswith("SERVICE_USER_")
    assert catalogue["products"].dt_created.tzinfo is not None
    assert str(catalogue["accounts"].bill_epoch) == "2026-01-01"


def test_lists_page_by_themselves(client: M3ter) -> None:
    made = [client.products.create(name=f"Product {n}", code=f"page-{n}").id for n in range(5)]
    assert [product.id for product in client.products.list(page_size=2)][:5] == made[::-1]
    chosen = client.products.list(ids=[made[0], made[3]])
    assert {product.id for product in chosen} == {made[0], made[3]}


def test_filters(client: M3ter, catalogue: dict[str, Any]) -> None:
    product = catalogue["products"].id
    assert [item.code for item in client.meters.list(product_id=[product])] == ["llm_requests"]
    assert [item.code for item in client.meters.list(codes=["llm_requests", "nothing"])] == ["llm_requests"]
    assert [item.code for item in client.aggregations.list(product_id=[product])] == ["tokens"]
    assert [item.code for item in client.accounts.list(codes=["acme"])] == ["acme"]
    assert [item.id for item in client.pricings.list(plan_id=catalogue["plans"].id, date="2026-05-01")]
    assert not list(client.pricings.list(plan_id=catalogue["plans"].id, date="2025-05-01"))
    account = catalogue["accounts"].id
    assert [item.id for item in client.account_plans.list(account=account, includeall=True)] == [
        catalogue["account_plans"].id
    ]
    rules = client.notification_configurations.list(active=True, event_name="billing.bill.updated")
    assert [item.code for item in rules] == ["large_bill"]


def test_an_update_needs_the_version_and_a_conflict_costs_no_retries(client: M3ter) -> None:
    product = client.products.create(name="Old", code="versioned")
    updated = client.products.update(product.id, name="New", code="versioned", version=1)
    assert (updated.name, updated.version) == ("New", 2)
    began = time.monotonic()
    with pytest.raises(m3ter.ConflictError) as conflict:
        client.products.update(product.id, name="Newer", code="versioned", version=1)
    assert time.monotonic() - began < 0.3
    assert conflict.value.body["errorCode"] == "VERSION_CONFLICT"  # type: ignore[index]
    with pytest.raises(m3ter.ConflictError):
        client.products.create(name="Other", code="versioned")
    with pytest.raises(m3ter.BadRequestError, match="version"):
        client.products.update(product.id, name="Newer", code="versioned")


def test_a_deletion_answers_the_entity_and_is_blocked_while_it_is_used(
    client: M3ter, catalogue: dict[str, Any]
) -> None:
    product = client.products.create(name="Short-lived", code="short-lived")
    assert client.products.delete(product.id) == product
    with pytest.raises(m3ter.NotFoundError):
        client.products.retrieve(product.id)
    with pytest.raises(m3ter.BadRequestError, match="llm_requests"):
        client.products.delete(catalogue["products"].id)


def test_a_meter_keeps_the_fields_that_an_aggregation_uses(client: M3ter, catalogue: dict[str, Any]) -> None:
    meter = catalogue["meters"]
    with pytest.raises(m3ter.BadRequestError, match="tokens"):
        client.meters.update(
            meter.id,
            name=meter.name,
            code=meter.code,
            product_id=meter.product_id,
            version=meter.version,
            data_fields=[{"category": "WHERE", "code": "region", "name": "Region"}],
            derived_fields=[],
        )


def test_settings_are_read_and_replaced(client: M3ter) -> None:
    config = client.organization_config.retrieve()
    assert config.currency == "USD"
    assert config.id == client.org_id
    changed = client.organization_config.update(
        timezone="Europe/Berlin",
        year_epoch="2026-01-01",
        month_epoch="2026-01-01",
        week_epoch="2026-01-05",
        day_epoch="2026-01-01",
        currency="USD",
        days_before_bill_due=30,
        version=config.version,
    )
    assert changed.timezone == "Europe/Berlin"
    fields = client.custom_fields.retrieve()
    updated = client.custom_fields.update(account={"discount": 0.5}, version=fields.version)
    assert updated.account == {"discount": 0.5}


def test_a_notification_is_linked_to_a_webhook(client: M3ter, catalogue: dict[str, Any]) -> None:
    rule = catalogue["notification_configurations"]
    with pytest.raises(m3ter.BadRequestError, match="url"):
        client.webhooks.create(
            name="Inside",
            description="A private address",
            url="http://10.0.0.1/",
            credentials={"type": "M3TER_SIGNED_REQUEST", "api_key": "key", "secret": "hush"},
        )
    webhook = client.webhooks.create(
        name="Receiver",
        description="Takes notifications",
        url="http://127.0.0.1:9/",
        credentials={"type": "M3TER_SIGNED_REQUEST", "api_key": "key", "secret": "hush"},
    )
    assert webhook.credentials is not None
    assert (webhook.credentials.api_key, webhook.credentials.secret) == ("key", "hush")
    assert client.webhooks.set_active(webhook.id, active=False).active is False
    assert client.webhooks.retrieve(webhook.id).credentials == webhook.credentials.model_copy(update={"version": 2})
    configuration = client.integration_configurations.create(
        entity_type="Notification", entity_id=rule.id, destination="Webhook", destination_id=webhook.id, name="Tell"
    )
    assert configuration.authorized
    assert client.integration_configurations.enable(configuration.id).enabled
    found = client.integration_configurations.get_by_entity("Notification", entity_id=rule.id)
    assert found.id == configuration.id
    assert [item.id for item in client.integration_configurations.list()] == [configuration.id]
    with pytest.raises(m3ter.BadRequestError, match="Tell"):
        client.webhooks.delete(webhook.id)


def test_of_rival_plans_on_one_account_one_is_attached(client: M3ter, catalogue: dict[str, Any]) -> None:
    account = client.accounts.create(name="Rivals", code="rivals", email_address="billing@example.com")

    def attach(_: int) -> bool:
        try:
            client.account_plans.create(
                account_id=account.id, plan_id=catalogue["plans"].id, start_date=datetime(2026, 1, 1, tzinfo=UTC)
            )
        except m3ter.BadRequestError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attach, range(4))) == 1


def test_nothing_is_left_referring_to_what_was_deleted(client: M3ter) -> None:
    for n in range(4):
        product = client.products.create(name="Contested", code=f"contested-{n}")

        def refer(n: int = n, product_id: str = product.id) -> Any:
            return client.plan_templates.create(
                name="T",
                code=f"contested-{n}",
                product_id=product_id,
                currency="USD",
                bill_frequency="MONTHLY",
                standing_charge=0,
            )

        with ThreadPoolExecutor(2) as pool:
            deleting, referring = pool.submit(client.products.delete, product.id), pool.submit(refer)
        errors = [future.exception() for future in (deleting, referring)]
        assert sum(error is None for error in errors) == 1, errors
        assert all(error is None or isinstance(error, m3ter.BadRequestError) for error in errors)


def test_a_price_keeps_its_digits_on_the_wire(stack: RunningStack, client: M3ter, catalogue: dict[str, Any]) -> None:
    exact = Decimal("0.000000300000000000000000010")
    bands = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": exact}]
    body = wire.dumps(
        {
            "code": "exact",
            "planTemplateId": catalogue["plan_templates"].id,
            "aggregationId": catalogue["aggregations"].id,
            "segment": {"region": "*"},
            "startDate": "2026-01-01T00:00:00Z",
            "pricingBands": bands,
        }
    )
    answer = call(stack, client, "POST", "/pricings", content=body)
    assert wire.loads(answer.content)["pricingBands"][0]["unitPrice"] == exact
    assert str(wire.loads(answer.content)["pricingBands"][0]["unitPrice"]) == str(exact)


def test_statuses_of_tokens(stack: RunningStack, client: M3ter) -> None:
    url = f"{stack.base_url}/organizations/{client.org_id}/products"
    assert httpx.get(url).status_code == 401
    for token in ("nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.eyJvcmdJZCI6IjEifQ."):
        refused = httpx.get(url, headers={"Authorization": f"Bearer {token}"})
        assert refused.status_code == 403
        assert "message" in refused.json()
    other = f"{stack.base_url}/organizations/00000000-0000-7000-8000-000000000000/products"
    assert call(stack, client, "GET", other).status_code == 403
    wrong = httpx.post(
        f"{stack.base_url}/oauth/token", json={"grant_type": "client_credentials"}, auth=(client.api_key, "wrong")
    )
    assert wrong.status_code == 401
    assert wrong.json()["error"] == "invalid_client"


def test_tokens_for_forms_and_json(stack: RunningStack, client: M3ter) -> None:
    keys = (client.api_key, client.api_secret)
    for sent in ({"data": {"grant_type": "client_credentials"}}, {"json": {"grant_type": "client_credentials"}}):
        answer = httpx.post(f"{stack.base_url}/oauth/token", auth=keys, **sent)  # type: ignore[arg-type]
        assert answer.status_code == 200
        assert answer.json()["expires_in"] == 18000
        assert answer.json()["token_type"] == "Bearer"
    refused = httpx.post(f"{stack.base_url}/oauth/token", auth=keys, json={"grant_type": "password"})
    assert refused.status_code == 400


def test_doubled_slashes_are_tolerated(stack: RunningStack, client: M3ter) -> None:
    assert call(stack, client, "GET", f"{stack.base_url}//organizations/{client.org_id}/products").status_code == 200


def test_a_body_over_the_limit_is_refused(stack: RunningStack, client: M3ter) -> None:
    body = '{"name": "' + "x" * 512_001 + '"}'
    answer = call(stack, client, "POST", "/products", content=body)
    assert answer.status_code == 403
    assert "512000" in answer.json()["message"]


def call(stack: RunningStack, client: M3ter, method: str, path: str, **more: Any) -> httpx.Response:
    token = client.authentication.get_bearer_token(
        grant_type="client_credentials",
        extra_headers={"Authorization": httpx.BasicAuth(client.api_key, client.api_secret)._auth_header},
    ).access_token
    url = path if path.startswith("http") else f"{stack.base_url}/organizations/{client.org_id}{path}"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return httpx.request(method, url, headers=headers, **more)
