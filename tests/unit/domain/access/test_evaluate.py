"""Who may do what (platform.md 4)."""

import time

import pytest

from usance.domain.access import ADMINISTRATOR, MANAGED_POLICIES, READ_ONLY, Action, Statement, allows

ID, OTHER = "11111111-1111-7111-8111-111111111111", "22222222-2222-7222-8222-222222222222"
ALL = Statement("allow", ("all",), ("*",))


def allow(action: str, resource: str) -> Statement:
    return Statement("allow", (action,), (resource,))


def deny(action: str, resource: str) -> Statement:
    return Statement("deny", (action,), (resource,))


def test_nothing_is_allowed_by_default() -> None:
    assert not allows((), Action.CONFIG_RETRIEVE, "meter")
    assert not allows((allow("config:create", "*"),), Action.CONFIG_RETRIEVE, "meter")


def test_an_unknown_effect_allows_nothing() -> None:
    assert not allows((Statement("maybe", ("all",), ("*",)),), Action.CONFIG_RETRIEVE, "meter")


@pytest.mark.parametrize("order", [1, -1])
def test_a_deny_wins_wherever_it_stands(order: int) -> None:
    statements = (ALL, deny("config:retrieve", "config:meter/*"))[::order]
    assert not allows(statements, Action.CONFIG_RETRIEVE, "meter")
    assert not allows(statements, Action.CONFIG_RETRIEVE, "meter", ID)
    assert allows(statements, Action.CONFIG_UPDATE, "meter", ID)
    assert allows(statements, Action.CONFIG_RETRIEVE, "plan", ID)


@pytest.mark.parametrize(
    "written", ["all", "ALL", "*", "config:retrieve", "CONFIG_RETRIEVE", "Config:Retrieve", "config:*", "*:retrieve"]
)
def test_an_action_is_understood_in_either_spelling(written: str) -> None:
    assert allows((allow(written, "*"),), Action.CONFIG_RETRIEVE, "meter")


@pytest.mark.parametrize("written", ["measurements:fileUpload", "MEASUREMENTS_FILEUPLOAD", "measurements:fileupload"])
def test_letters_of_an_action_match_in_any_case(written: str) -> None:
    assert allows((allow(written, "*"),), Action.MEASUREMENTS_FILEUPLOAD, "measurement")
    assert not allows((allow(written, "*"),), Action.MEASUREMENTS_UPLOAD, "measurement")


@pytest.mark.parametrize(
    ("resource", "type_", "id_", "covered"),
    [
        ("*", "meter", None, True),
        ("config:*", "meter", None, True),
        ("config:meter", "meter", None, True),
        ("config:meter/*", "meter", None, True),
        ("config:meter/*", "meter", ID, True),
        ("config:meter/item/*", "meter", None, True),
        ("config:METER/*", "meter", ID, True),
        ("config:m*/*", "meter", ID, True),
        ("config:planTemplate/*", "planTemplate", ID, True),
        (f"config:meter/item/{ID}", "meter", ID, True),
        (f"config:meter/item/{ID.upper()}", "meter", ID, True),
        (f"config:meter/item/{ID}", "meter", OTHER, False),
        (f"config:meter/item/{ID}", "meter", None, False),
        (f"config:meter/group/{ID}", "meter", ID, False),
        ("config:plan/*", "meter", ID, False),
        ("config:plan/*", "planTemplate", ID, False),
        ("billing:meter/*", "meter", ID, False),
        ("config:orgUser/*", "user", ID, True),
        ("config:integrationConfig/*", "integrationConfiguration", ID, True),
        ("config:integrationDestination/*", "webhook", ID, True),
        ("billing:bill/*", "bill", ID, True),
        ("config:bill/*", "bill", ID, True),
        ("", "meter", ID, False),
        ("config:meter/item", "meter", ID, False),
        (f"config:meter/item/{ID}/more", "meter", ID, False),
        ("config:.*", "meter", ID, False),
    ],
)
def test_a_resource_is_matched_segment_by_segment(resource: str, type_: str, id_: str | None, covered: bool) -> None:
    assert allows((allow("all", resource),), Action.CONFIG_RETRIEVE, type_, id_) is covered


def test_a_deny_of_one_item_leaves_the_list_to_be_read() -> None:
    statements = (ALL, deny("all", f"config:meter/item/{ID}"))
    assert allows(statements, Action.CONFIG_RETRIEVE, "meter")
    assert not allows(statements, Action.CONFIG_RETRIEVE, "meter", ID)
    assert allows(statements, Action.CONFIG_RETRIEVE, "meter", OTHER)


def test_the_administrator_may_do_everything_and_the_reader_only_read() -> None:
    for action in Action:
        assert allows((MANAGED_POLICIES[ADMINISTRATOR],), action, "meter", ID)
    reads = {action for action in Action if allows((MANAGED_POLICIES[READ_ONLY],), action, "meter", ID)}
    assert Action.CONFIG_RETRIEVE in reads
    assert Action.ANALYTICS_QUERY in reads
    assert not {Action.CONFIG_CREATE, Action.CONFIG_UPDATE, Action.CONFIG_DELETE, Action.MEASUREMENTS_UPLOAD} & reads


def test_a_pattern_of_many_wildcards_is_answered_at_once() -> None:
    many = allow("all", f"config:meter/item/{'*a' * 18}*x")
    started = time.process_time()
    assert not allows((many,), Action.CONFIG_RETRIEVE, "meter", "a" * 36)
    assert allows((many,), Action.CONFIG_RETRIEVE, "meter", "a" * 35 + "x")
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [("m*r", True), ("me*et*r", False), ("*met*er*", True), ("mete", False), ("m*rr", False), ("**meter**", True)],
)
def test_a_wildcard_stands_for_any_text(pattern: str, covered: bool) -> None:
    assert allows((allow("all", f"config:{pattern}"),), Action.CONFIG_RETRIEVE, "meter") is covered
