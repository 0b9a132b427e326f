"""A company that prices what a worked example needs, over plain HTTP."""

import time
from collections.abc import Sequence
from itertools import count
from typing import Any

import httpx

WAIT_SECONDS = 60
TIERED = ((0, 0, 0.15), (500, 0, 0.10))
Bill = dict[str, Any]


class Company:
    """An organization with one product and a meter for each measure that is counted. Codes are its own counting."""

    def __init__(self, api: httpx.Client) -> None:
        self.api = api
        self._numbers = count(1)
        self.product = self.make("/products", code="product", name="Product")["id"]
        self._meters: dict[str, str] = {}

    def make(self, path: str, **body: Any) -> dict[str, Any]:
        return _ok(self.api.post(path, json=body))

    def read(self, path: str, **query: Any) -> dict[str, Any]:
        return _ok(self.api.get(path, params=query))

    def put(self, path: str, **body: Any) -> dict[str, Any]:
        return _ok(self.api.put(path, json=body))

    def configure(self, **changes: Any) -> None:
        self.put("/organizationconfig", **{**self.read("/organizationconfig"), **changes})

    def counted(self, field: str, method: str = "SUM", per_unit: float = 1, rounding: str = "NONE") -> str:
        if field not in self._meters:
            fields = [{"category": "MEASURE", "code": field, "name": field, "unit": "1"}]
            meter = self.make("/meters", code=field, name=field, dataFields=fields, derivedFields=[])
            self._meters[field] = meter["id"]
        code = f"{field}{next(self._numbers)}"
        how = {"aggregation": method, "targetField": field, "quantityPerUnit": per_unit, "rounding": rounding}
        return str(self.make("/aggregations", code=code, name=code, meterId=self._meters[field], unit="1", **how)["id"])

    def plan(self, *prices: dict[str, Any], product: str | None = None, **template: Any) -> str:
        """A monthly plan in US dollars with pricings since 2020."""
        code = f"plan{next(self._numbers)}"
        terms = {"currency": "USD", "billFrequency": "MONTHLY", "standingCharge": 0, **template}
        made = self.make("/plantemplates", code=code, name=code, productId=product or self.product, **terms)
        plan = self.make("/plans", code=code, name=code, planTemplateId=made["id"])["id"]
        for price in prices:
            self.make("/pricings", **{"startDate": "2020-01-01T00:00:00Z", **price}, planId=plan)
        return str(plan)

    def account(self, *plans: str, start: str, end: str | None = None, **more: Any) -> dict[str, Any]:
        """A new account on plans from one day to before another."""
        code = f"account{next(self._numbers)}"
        account = self.make("/accounts", code=code, name=code, emailAddress="billing@example.com", **more)
        for plan in plans:
            dates = {"startDate": start, **({"endDate": end} if end else {})}
            self.make("/accountplans", accountId=account["id"], planId=plan, **dates)
        return account

    def use(self, account: dict[str, Any], at: str, **measure: float) -> None:
        of = {"account": account["code"], "ts": at}
        sent = [
            {**of, "uid": f"m{next(self._numbers)}", "meter": field, "measure": {field: amount}}
            for field, amount in measure.items()
        ]
        self.make("/measurements", measurements=sent)

    def bills(self, last_day: str, *accounts: dict[str, Any], **job: Any) -> list[Bill]:
        """The bills of the accounts for the period that holds `last_day`, in the order of the accounts."""
        ids = [account["id"] for account in accounts]
        made = self.make("/billjobs", lastDateInBillingPeriod=last_day, accountIds=ids, **job)
        deadline = time.monotonic() + WAIT_SECONDS
        while (made := self.read(f"/billjobs/{made['id']}"))["status"] != "COMPLETE":
            assert time.monotonic() < deadline, made
            time.sleep(0.05)
        bills = [self.read(f"/bills/{bill_id}") for bill_id in made["billIds"]]
        return sorted(bills, key=lambda bill: (ids.index(bill["accountId"]), bill["endDate"]))


def bands(*rows: tuple[float, float, float]) -> list[dict[str, float]]:
    """Bands of (lower limit, fixed price, unit price)."""
    return [{"lowerLimit": limit, "fixedPrice": fixed, "unitPrice": unit} for limit, fixed, unit in rows]


def price(aggregation_id: str, *rows: tuple[float, float, float], **more: Any) -> dict[str, Any]:
    """A pricing's body."""
    return {"aggregationId": aggregation_id, "pricingBands": bands(*rows), **more}


def lines(bill: Bill) -> list[tuple[str, float]]:
    """Type and amount of every line item, in order."""
    return [(line["lineItemType"], line["convertedSubtotal"]) for line in bill["lineItems"]]


def totals(bills: Sequence[Bill]) -> list[float]:
    return [bill["billTotal"] for bill in bills]


def _ok(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
