"""Where entities and their filters lie in the entities table."""

from usance.adapters.dynamodb import keys

IDS = [f"019c167f-cc00-89f1-b22d-617aca8ae49{digit}" for digit in "0123456789abcdef"]


def test_the_bills_of_an_account_are_found_by_one_query() -> None:
    (only,) = keys.filter_partitions("org", "bill", "accountId", "acme")
    assert {keys.filter_partition("org", "bill", "accountId", "acme", id_) for id_ in IDS} == {only}


def test_the_bills_of_a_status_are_spread() -> None:
    spread = keys.filter_partitions("org", "bill", "status", "PENDING")
    assert [keys.filter_partition("org", "bill", "status", "PENDING", id_) for id_ in IDS] == [*spread]
    assert len(set(spread)) == len(IDS)
