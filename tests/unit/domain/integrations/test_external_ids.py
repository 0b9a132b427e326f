"""External ids are found by entity and table."""

from usance.domain.integrations.external_ids import ExternalId, ExternalIds

KNOWN = ExternalIds(
    (
        ExternalId("Account", "a", "Customer", "cus_own"),
        ExternalId("Account", "a", "Customer", "cus_of_all"),
        ExternalId("Product", "p", "Price", "price_1"),
        ExternalId("Product", "p", "Item", "item_1"),
    )
)


def test_the_first_that_is_known_counts() -> None:
    assert KNOWN.of("account", "a") == "cus_own"


def test_a_table_narrows_it_whatever_its_case() -> None:
    assert KNOWN.of("Product", "p", "item") == "item_1"
    assert KNOWN.of("Product", "p") == "price_1"


def test_what_is_not_mapped_has_none() -> None:
    assert KNOWN.of("Account", "b") is None
    assert KNOWN.of("Product", None) is None
