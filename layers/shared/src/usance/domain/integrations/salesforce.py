"""Accounts and balances as records of Salesforce (its REST API), upserted by an external id field (platform.md 10.6)."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from usance.domain.integrations.answers import Answer, refused
from usance.domain.integrations.checks import text_option
from usance.domain.integrations.external_ids import ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.system import Setting, System
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.notifications.delivery import Fault

ACCOUNT: Final = "Account"
BALANCE: Final = "Balance"
TRANSACTION: Final = "BalanceTransaction"
ID_FIELD: Final = "UsanceId__c"
OBJECTS: Final[Mapping[str, str]] = {
    ACCOUNT: "Account",
    BALANCE: "UsanceBalance__c",
    TRANSACTION: "UsanceBalanceTransaction__c",
}
NAME_MAX_CHARS: Final = 255  # Account.Name
SHORT_NAME_MAX_CHARS: Final = 80  # Name of a custom object
NUMBER_MAX_CHARS: Final = 40  # Account.AccountNumber
_API_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")

Fields = Mapping[str, Any]


def object_of(entity_type: str, options: Mapping[str, Any]) -> str:
    """The object that an entity is a record of."""
    return _api_name(options, "objectName", OBJECTS[entity_type])


def id_field_of(options: Mapping[str, Any]) -> str:
    """The field that holds the entity's id."""
    return _api_name(options, "externalIdField", ID_FIELD)


def check_options(options: Mapping[str, Any]) -> None:
    """`InvalidInputError` for options that no record can be made with."""
    for name in ("objectName", "externalIdField"):
        given = options.get(name)
        if given and not _API_NAME.fullmatch(given):
            raise InvalidInputError(f"configData.{name} must be an API name of Salesforce, such as UsanceId__c")


def fields_of(entity_type: str, entity: Mapping[str, Any], options: Mapping[str, Any], known: ExternalIds) -> Fields:
    """The fields of an entity's record where no mapping makes them; without those that the entity has not."""
    found = _FIELDS[entity_type](entity, id_field_of(options), known)
    return {name: value for name, value in found.items() if value is not None}


def _account(entity: Mapping[str, Any], _id_field: str, _known: ExternalIds) -> Fields:
    code = entity.get("code") or ""
    return {
        "Name": entity["name"][:NAME_MAX_CHARS],
        "AccountNumber": code if 0 < len(code) <= NUMBER_MAX_CHARS else None,
    }


def _balance(entity: Mapping[str, Any], id_field: str, known: ExternalIds) -> Fields:
    return {
        "Name": entity["name"][:SHORT_NAME_MAX_CHARS],
        "Code__c": entity.get("code"),
        "Amount__c": entity.get("amount"),
        "Currency__c": entity.get("currency"),
        "StartDate__c": entity.get("startDate"),
        "EndDate__c": entity.get("endDate"),
        **_reference("Account", entity.get("accountId"), id_field, known.of(ACCOUNT, entity.get("accountId"))),
    }


def _transaction(entity: Mapping[str, Any], id_field: str, _known: ExternalIds) -> Fields:
    return {
        "Amount__c": entity.get("amount"),
        "AppliedDate__c": entity.get("appliedDate"),
        "Description__c": entity.get("description"),
        **_reference("Balance", entity.get("balanceId"), id_field, None),
    }


_FIELDS: Final[Mapping[str, Callable[[Mapping[str, Any], str, ExternalIds], Fields]]] = {
    ACCOUNT: _account,
    BALANCE: _balance,
    TRANSACTION: _transaction,
}


def _reference(name: str, id_: str | None, id_field: str, record_id: str | None) -> Fields:
    """A lookup: by the id of the other record where it is known, else by its external id field."""
    if record_id:
        return {f"{name}__c": record_id}
    return {f"{name}__r": {id_field: id_}} if id_ else {}


def refusal(answer: Answer, document: Mapping[str, Any]) -> ConnectorError:
    """What an answer other than 2xx means. Errors come as an array, of which the first says enough."""
    errors = [each for each in document.get("items") or () if isinstance(each, dict)]
    first = errors[0] if errors else {}
    code = str(first.get("errorCode", ""))
    detail = ": ".join(text for text in (code, str(first.get("message", ""))) if text)
    if answer.status == MULTIPLE_CHOICES:
        detail = "several records have the entity's id in their external id field"
        return refused(answer, detail, Fault.PAYLOAD_REFUSED)
    return refused(answer, detail, _FAULTS.get(code))


MULTIPLE_CHOICES: Final = 300
_FAULTS: Final[Mapping[str, Fault]] = {
    "REQUEST_LIMIT_EXCEEDED": Fault.RATE_LIMITED,  # 403
    "UNABLE_TO_LOCK_ROW": Fault.PASSING,  # 400
    "SERVER_UNAVAILABLE": Fault.PASSING,
    "NOT_FOUND": Fault.PAYLOAD_REFUSED,
}


def _api_name(options: Mapping[str, Any], name: str, default: str) -> str:
    found = text_option(options, name, default) or default
    if not _API_NAME.fullmatch(found):
        raise ConnectorError(Fault.PAYLOAD_REFUSED, f"configData.{name} must be an API name of Salesforce")
    return found


SYSTEM: Final = System(
    identifier="Salesforce",
    display_name="Salesforce",
    destinations=("SALESFORCE",),
    entities=(ACCOUNT, BALANCE, TRANSACTION),
    category="CRM",
    credentials={
        "OAUTH_CLIENT_CREDENTIALS": (
            Setting("instanceUrl", "Address of My Domain", required=True),
            Setting("clientId", "Consumer key", required=True),
            Setting("clientSecret", "Consumer secret", required=True, secret=True),
        )
    },
    options=(
        Setting("objectName", "API name of the object"),
        Setting("externalIdField", "API name of its external id field"),
        Setting("mapping", "JSONata that makes the record's fields"),
        Setting("deleteRecords", "Delete the record of an entity that is deleted", kind="boolean"),
    ),
    tables={entity: (name,) for entity, name in OBJECTS.items()},
    check=check_options,
)
