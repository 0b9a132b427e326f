"""Every configuration resource of the API, as rows of data. Adding one here adds its routes, storage and tests."""

from collections.abc import Mapping
from typing import Final

from usance.resources.account import ACCOUNT
from usance.resources.account_plan import ACCOUNT_PLAN
from usance.resources.aggregation import AGGREGATION
from usance.resources.currency import CURRENCY
from usance.resources.custom_field import CUSTOM_FIELD
from usance.resources.integration_configuration import INTEGRATION_CONFIGURATION
from usance.resources.meter import METER
from usance.resources.notification_configuration import NOTIFICATION_CONFIGURATION
from usance.resources.organization_config import ORGANIZATION_CONFIG
from usance.resources.plan import PLAN
from usance.resources.plan_template import PLAN_TEMPLATE
from usance.resources.pricing import PRICING
from usance.resources.product import PRODUCT
from usance.resources.resource import Resource
from usance.resources.statement_definition import STATEMENT_DEFINITION
from usance.resources.webhook import WEBHOOK

REGISTRY: Final[tuple[Resource, ...]] = (
    PRODUCT,
    METER,
    AGGREGATION,
    PLAN_TEMPLATE,
    PLAN,
    PRICING,
    ACCOUNT,
    ACCOUNT_PLAN,
    CURRENCY,
    ORGANIZATION_CONFIG,
    CUSTOM_FIELD,
    NOTIFICATION_CONFIGURATION,
    WEBHOOK,
    INTEGRATION_CONFIGURATION,
    STATEMENT_DEFINITION,
)

BY_TYPE: Final[Mapping[str, Resource]] = {resource.type: resource for resource in REGISTRY}
