"""Rivals at one moment: one wins, the other is told so, and nothing is left that refers to nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import m3ter
import pytest
from m3ter import M3ter

RIVALS = 6

Made = Callable[[M3ter, str], Any]

MEASURE: Any = [{"category": "MEASURE", "code": "n", "name": "N", "unit": "1"}]
CREATES: dict[str, Made] = {
    "product": lambda client, code: client.products.create(code=code, name="P"),
    "account": lambda client, code: client.accounts.create(code=code, name="A", email_address="a@example.com"),
    "meter": lambda client, code: client.meters.create(code=code, name="M", data_fields=MEASURE, derived_fields=[]),
    "currency": lambda client, code: client.currencies.create(code=code[:3].upper(), name="C"),
    "counter": lambda client, code: client.counters.create(code=code, name="C", unit="seat"),
    "credit reason": lambda client, code: client.credit_reasons.create(code=code, name="R"),
}


def outcomes(client: M3ter, act: Callable[[int], Any]) -> tuple[list[Any], list[Exception]]:
    """What rivals that act at once are answered, and how the others are refused."""

    def attempt(number: int) -> Any:
        try:
            return act(number)
        except m3ter.APIStatusError as refused:
            return refused

    with ThreadPoolExecutor(RIVALS) as pool:
        answers = list(pool.map(attempt, range(RIVALS)))
    refusals = [answer for answer in answers if isinstance(answer, Exception)]
    return [answer for answer in answers if not isinstance(answer, Exception)], refusals


@pytest.mark.parametrize("kind", CREATES)
def test_a_code_goes_to_one_of_its_rivals(client: M3ter, kind: str) -> None:
    code = f"rival_{kind.replace(' ', '_')}"
    won, lost = outcomes(client, lambda _: CREATES[kind](client, code))
    assert len(won) == 1
    assert all(isinstance(refused, m3ter.ConflictError) for refused in lost), lost


def test_a_version_is_replaced_by_one_of_its_rivals(client: M3ter) -> None:
    product = client.products.create(code="versioned", name="0")
    won, lost = outcomes(
        client,
        lambda number: client.products.update(
            product.id, code="versioned", name=str(number), version=product.version or 0
        ),
    )
    assert len(won) == 1
    assert all(isinstance(refused, m3ter.ConflictError) for refused in lost), lost
    left = client.products.retrieve(product.id)
    assert (left.version, left.name) == (2, won[0].name)


@pytest.mark.parametrize("attempt", range(5))
def test_a_parent_goes_or_its_child_comes(client: M3ter, attempt: int) -> None:
    """Both may be refused, when they meet half-way, but never both done."""
    product = client.products.create(code=f"parent-{attempt}", name="P")

    def act(number: int) -> Any:
        if number == 0:
            return client.products.delete(product.id)
        return client.counters.create(code=f"child-{attempt}-{number}", name="C", unit="seat", product_id=product.id)

    won, _ = outcomes(client, act)
    counters = list(client.counters.list(product_id=[product.id]))
    try:
        client.products.retrieve(product.id)
    except m3ter.NotFoundError:
        assert counters == []
        assert [one.id for one in won] == [product.id]
    else:
        assert {one.id for one in won} == {one.id for one in counters}
