"""The use cases of configuration, composed."""

import logging
from functools import cache

from usance.adapters.dynamodb.transactions import pause
from usance.application.entities.ports import EntityPorts
from usance.application.lookups.ports import LookupPorts
from usance.application.principals.invite import Post
from usance.bootstrap import stores
from usance.domain.kernel.errors import UsanceError
from usance.domain.metering.custom_sql import CustomSql
from usance.settings import Settings


@cache
def build_entity_ports() -> EntityPorts:
    """What the use cases of configuration need."""
    return EntityPorts(
        entities=stores.entities(),
        clock=stores.clock(),
        ids=stores.ids(),
        secrets=stores.secrets(),
        check_url=_check_url,
        check_mapping=_check_mapping,
        try_query=_try_query,
        pause=pause,
    )


@cache
def build_lookup_ports() -> LookupPorts:
    """What lookup tables need."""
    return LookupPorts(stores.entities(), stores.clock(), stores.ids(), stores.blobs())


@cache
def build_post() -> Post:
    """How people are told."""
    return Post(stores.mailer(), Settings().sign_in_url, _not_sent)


def _not_sent(invitation_id: str, refused: UsanceError) -> None:
    logging.getLogger(__name__).error("the e-mail of invitation %s was not sent: %s", invitation_id, refused.code)


def _check_url(url: str) -> None:
    from usance.bootstrap.webhooks import webhook_sender  # an HTTP client: only saving a webhook needs one

    webhook_sender().check(url)


def _check_mapping(expression: str) -> None:
    from usance.adapters.jsonata.mappings import JsonataMappings  # starts a process: few configurations have a mapping

    JsonataMappings().check(expression)


def _try_query(query: CustomSql) -> None:
    from usance.adapters.duckdb.custom_sql import try_out  # few aggregations have a query

    try_out(query)
