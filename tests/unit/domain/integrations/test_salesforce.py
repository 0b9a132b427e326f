import pytest

from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.salesforce import OBJECTS, SYSTEM, check_options, object_of
from usance.domain.kernel.errors import InvalidInputError


def test_every_entity_has_an_object():
    assert set(SYSTEM.entities) == set(OBJECTS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objectName": "Account/x"}, "configData.objectName must be an API name"),
        ({"externalIdField": "Usance Id"}, "configData.externalIdField must be an API name"),
    ],
)
def test_options_are_refused_by_their_name(options, message):
    with pytest.raises(InvalidInputError, match=message):
        check_options(options)


def test_options_that_fit_pass():
    check_options(
        {"objectName": "UsanceAccount__c", "externalIdField": "Id__c", "mapping": "new", "deleteRecords": True}
    )


def test_an_object_that_is_no_name_never_becomes_a_path():
    with pytest.raises(ConnectorError, match="API name"):
        object_of("Account", {"objectName": "Account/../x"})
