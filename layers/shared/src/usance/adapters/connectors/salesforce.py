"""Accounts and balances to Salesforce over its REST API."""

from typing import Any, Final
from urllib.parse import urlsplit

from usance.adapters.connectors.api import Api, parsed, segment
from usance.adapters.connectors.authorization import OAuth, by_form
from usance.application.ports.connectors import EntityJob, Outside, Sent
from usance.application.ports.mappings import FieldMappings
from usance.domain.integrations.answers import DETAIL_MAX_CHARS
from usance.domain.integrations.checks import credential, flag_option
from usance.domain.integrations.custom import change_of
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.salesforce import Fields, fields_of, id_field_of, object_of, refusal
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.notifications.delivery import Fault

VERSION: Final = "v60.0"  # upserts answer the record's id since v46
TOKENS: Final = "/services/oauth2/token"


class SalesforceConnector:
    """`EntityConnector`. A record is found by its id where the entity is mapped, else by its external id field."""

    def __init__(self, outside: Outside, mappings: FieldMappings) -> None:
        self._outside = outside
        self._mappings = mappings

    def deliver(self, job: EntityJob) -> Sent | None:
        """See the port. What is deleted here stays there, unless the option `deleteRecords` says otherwise."""
        site = _site(credential(job.connection.credentials, "instanceUrl"))
        authorization = OAuth(self._outside, job.connection, site + TOKENS, sign_in=by_form)
        api = Api(self._outside.http, f"{site}/services/data/{VERSION}/sobjects", authorization, refusal)
        options, entity_id = job.connection.options, job.entity["id"]
        name, id_field = object_of(job.entity_type, options), id_field_of(options)
        by_id_field = f"/{name}/{id_field}/{segment(entity_id)}"
        path = f"/{name}/{segment(job.external_id)}" if job.external_id else by_id_field
        if job.kind == "deleted":
            if flag_option(options, "deleteRecords", default=False):
                api.delete(path)
            return None
        fields = self._fields(job)
        if fields is None:
            return None
        if job.external_id:
            api.put_away("PATCH", path, {**fields, id_field: entity_id})
            return Sent(job.external_id, f"{site}/{segment(job.external_id)}")
        answer = api.put_away("PATCH", path, fields)
        record_id = (parsed(answer.body) or {}).get("id")
        return Sent(record_id, f"{site}/{segment(record_id)}") if record_id else None

    def _fields(self, job: EntityJob) -> Fields | None:
        """None where a mapping makes nothing of the change."""
        mapping = job.connection.options.get("mapping")
        if not mapping:
            return fields_of(job.entity_type, job.entity, job.connection.options, job.known)
        change = change_of(
            job.idempotency_key,
            job.connection.org_id,
            job.entity_type,
            job.kind,
            job.changed_at,
            new=job.entity,
            old=job.old,
        )
        try:
            made: Any = self._mappings.apply(mapping, dict(change))
        except InvalidInputError as wrong:
            raise ConnectorError(Fault.PAYLOAD_REFUSED, wrong.message[:DETAIL_MAX_CHARS]) from wrong
        if made is not None and not isinstance(made, dict):
            raise ConnectorError(Fault.PAYLOAD_REFUSED, "configData.mapping: the fields of a record must be an object")
        return made


def _site(instance_url: str) -> str:
    parts = urlsplit(instance_url)
    if parts.scheme != "https" or not parts.netloc or parts.path.strip("/"):
        raise ConnectorError(
            Fault.CREDENTIALS_REFUSED, "credentials.instanceUrl must be such as https://acme.my.salesforce.com"
        )
    return f"https://{parts.netloc}"
