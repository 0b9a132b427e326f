"""The stores of those who look into bills, stored or not; schedules and workers do not load what that takes."""

from functools import cache

from usance.application.billing.preview_bill import Previewing
from usance.application.billing.records.examine import Examining
from usance.bootstrap import stores
from usance.bootstrap.billing import billing_stores


@cache
def previewing() -> Previewing:
    """For bills that are not stored."""
    return Previewing(billing_stores(), stores.usage_reader(), stores.blobs())


@cache
def examining() -> Examining:
    """For looking into bills."""
    return Examining(billing_stores(), stores.usage_reader(), stores.blobs())
