import pytest

from local.plan import Route
from local.routes import RouteTable

TABLE = RouteTable(
    [
        Route("ANY", "/organizations/{orgId}/{proxy+}", "everything", "A"),
        Route("ANY", "/organizations/{orgId}", "organization", "A"),
        Route("POST", "/organizations/{orgId}/measurements", "ingest", "A"),
        Route("ANY", "/organizations/{orgId}/bills/{proxy+}", "bills", "A"),
        Route("ANY", "/organizations/{orgId}/bills/{id}/statement/{proxy+}", "statement", "A"),
        Route("ANY", "/organizations/{orgId}/bills/{id}", "any bill", "A"),
        Route("GET", "/organizations/{orgId}/bills/{id}", "one bill", "A"),
        Route("POST", "/oauth/token", "tokens", None),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "function"),
    [
        ("POST", "/oauth/token", "tokens"),
        ("GET", "/organizations/1", "organization"),
        ("GET", "/organizations/1/products", "everything"),
        ("POST", "/organizations/1/measurements", "ingest"),
        ("GET", "/organizations/1/measurements", "everything"),
        ("POST", "/organizations/1/measurements/more", "everything"),
        ("GET", "/organizations/1/bills/2", "one bill"),
        ("PUT", "/organizations/1/bills/2", "any bill"),
        ("GET", "/organizations/1/bills/2/lineitems", "bills"),
        ("GET", "/organizations/1/bills/2/statement/json", "statement"),
        ("POST", "//organizations//1/measurements", "ingest"),
    ],
)
def test_the_most_specific_route_wins(method: str, path: str, function: str) -> None:
    match = TABLE.find(method, path)
    assert match is not None
    assert match.route.function == function


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/oauth/token"), ("GET", "/"), ("GET", "/organizations"), ("GET", "/x")]
)
def test_nothing_else_has_a_route(method: str, path: str) -> None:
    assert TABLE.find(method, path) is None


def test_path_variables_are_decoded_and_a_greedy_one_keeps_its_slashes() -> None:
    match = TABLE.find("GET", "/organizations/a%20b/plans/x%2By")
    assert match is not None
    assert match.parameters == {"orgId": "a b", "proxy": "plans/x+y"}
