"""An account that something is billed to."""

from m3ter import M3ter


def subscribed(client: M3ter, code: str, since: str) -> str:
    """The id of a new account, on a plan of 20.00 a month since then."""
    product = client.products.create(code=code, name=code)
    template = client.plan_templates.create(
        name="Monthly", product_id=product.id, currency="USD", bill_frequency="MONTHLY", standing_charge=20
    )
    plan = client.plans.create(code=code, name=code, plan_template_id=template.id)
    account = client.accounts.create(code=code, name=code, email_address="billing@example.com")
    client.account_plans.create(account_id=account.id, plan_id=plan.id, start_date=since)
    return account.id
