"""Every configuration resource of the API, as rows of data. Adding one here adds its routes, storage and tests."""

from collections.abc import Mapping
from typing import Final

from usance.resources.account import ACCOUNT
from usance.resources.account_plan import ACCOUNT_PLAN
from usance.resources.aggregation import AGGREGATION
from usance.resources.balance import BALANCE
from usance.resources.balance_schedules import BALANCE_CHARGE_SCHEDULE, BALANCE_TRANSACTION_SCHEDULE
from usance.resources.balance_transaction import BALANCE_TRANSACTION
from usance.resources.charge import CHARGE
from usance.resources.commitment import COMMITMENT
from usance.resources.compound_aggregation import COMPOUND_AGGREGATION
from usance.resources.contract import CONTRACT
from usance.resources.counter import COUNTER
from usance.resources.counter_adjustment import COUNTER_ADJUSTMENT
from usance.resources.counter_pricing import COUNTER_PRICING
from usance.resources.currency import CURRENCY
from usance.resources.custom_field import CUSTOM_FIELD
from usance.resources.data_export import DATA_EXPORT_DESTINATION, DATA_EXPORT_JOB, DATA_EXPORT_SCHEDULE
from usance.resources.external_mapping import EXTERNAL_MAPPING
from usance.resources.file_upload import FILE_UPLOAD_JOB
from usance.resources.integration_configuration import INTEGRATION_CONFIGURATION
from usance.resources.invitation import INVITATION
from usance.resources.lookup_table import LOOKUP_TABLE, LOOKUP_TABLE_REVISION
from usance.resources.meter import METER
from usance.resources.notification_configuration import NOTIFICATION_CONFIGURATION
from usance.resources.organization_config import ORGANIZATION_CONFIG
from usance.resources.permission_policy import PERMISSION_POLICY
from usance.resources.picklists import BILL_GROUPING_KEY, CREDIT_REASON, DEBIT_REASON, TRANSACTION_TYPE
from usance.resources.plan import PLAN
from usance.resources.plan_group import PLAN_GROUP, PLAN_GROUP_LINK
from usance.resources.plan_template import PLAN_TEMPLATE
from usance.resources.pricing import PRICING
from usance.resources.product import PRODUCT
from usance.resources.resource import Resource
from usance.resources.saved_query import SAVED_QUERY
from usance.resources.scheduled_event_configuration import SCHEDULED_EVENT_CONFIGURATION
from usance.resources.service_user import SERVICE_USER
from usance.resources.statement_definition import STATEMENT_DEFINITION
from usance.resources.support import SUPPORT
from usance.resources.user import USER
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
    CREDIT_REASON,
    DEBIT_REASON,
    TRANSACTION_TYPE,
    BILL_GROUPING_KEY,
    COMPOUND_AGGREGATION,
    COUNTER,
    COUNTER_PRICING,
    COUNTER_ADJUSTMENT,
    PLAN_GROUP,
    PLAN_GROUP_LINK,
    CONTRACT,
    COMMITMENT,
    CHARGE,
    BALANCE,
    BALANCE_TRANSACTION,
    BALANCE_TRANSACTION_SCHEDULE,
    BALANCE_CHARGE_SCHEDULE,
    EXTERNAL_MAPPING,
    SCHEDULED_EVENT_CONFIGURATION,
    FILE_UPLOAD_JOB,
    DATA_EXPORT_DESTINATION,
    DATA_EXPORT_SCHEDULE,
    DATA_EXPORT_JOB,
    SAVED_QUERY,
    LOOKUP_TABLE,
    LOOKUP_TABLE_REVISION,
    PERMISSION_POLICY,
    SERVICE_USER,
    USER,
    INVITATION,
    SUPPORT,
)

BY_TYPE: Final[Mapping[str, Resource]] = {resource.type: resource for resource in REGISTRY}
