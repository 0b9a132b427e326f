"""Of which plans a bill is, and whose they are."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Final

from usance.domain.billing.attached import AttachedPlan, Attachment
from usance.domain.billing.due import charged_until
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.pipeline import billed_by
from usance.domain.billing.served import timing
from usance.domain.billing.windows import closing_window, starting_window
from usance.domain.kernel.ids import derived_id
from usance.domain.kernel.timezones import local_day
from usance.resources import instants

COVERS: Final = "covers"  # beside the header of a bill: from when to when it charges for plans
PLANS: Final = "plans"  # beside it: a digest of the plans and whose they are
TIMES: Final = "times"  # beside it: a digest of the time that it has of each plan, by kind of charge
ENDS: Final = "ends"  # beside it: a digest of until when it may charge for each plan in advance
TIMING: Final = "timing"  # beside it: a digest of which charges of the plans whose periods begin with it are in advance

Charged = tuple[str, str | None, str]
"""What a plan, or a group of plans, is told apart by: its account plan, itself, and whose it is."""


def told_of(inputs: BillingInputs) -> Mapping[str, str]:
    """All texts about its plans to keep beside a bill."""
    day, zone = inputs.key.day, inputs.terms.zone
    ends = ends_of(inputs.attached, inputs.account.id, day, zone)
    return {**covers(inputs), ENDS: ends_digest(ends), TIMING: timing_digest(begun(inputs))}


def covers(inputs: BillingInputs) -> Mapping[str, str]:
    """Of these, of which plans it is, and for which time it charges for them; none when it does not."""
    charges = [(one, each) for one, billed in billed_by(inputs) for each in billed]
    spans = [each.span for _, each in charges]
    ends = (min(span.start for span in spans), max(span.end for span in spans)) if spans else ()
    times = sorted(
        f"{'/'.join(map(str, charged(one, inputs.account.id)))} {each.what} {_text(each.span.start, each.span.end)}"
        for one, each in charges
    )
    return {COVERS: _text(*ends), PLANS: plans_digest(inputs), TIMES: derived_id(*times)}


def plans_digest(inputs: BillingInputs) -> str:
    """Equal for bills of one account and day that are of the same plans, for the same accounts."""
    day, zone, own_id = inputs.key.day, inputs.terms.zone, inputs.account.id
    found = [
        (*map(str, charged(one, own_id)), *_payers(one))
        for one in inputs.attached
        if is_served(one, day, zone) or one.end
    ]
    return derived_id(*("/".join(one) for one in sorted(found)))


def ends_of(attached: Iterable[Attachment], account_id: str, day: date, zone: tzinfo) -> Mapping[Charged, datetime]:
    """Until when a bill of `day` charges in advance, by plan of which service begins on it."""
    ends = {charged(one, account_id): charged_until(one, day, zone) for one in attached}
    return {what: end for what, end in ends.items() if end}


def ends_digest(ends: Mapping[Charged, datetime]) -> str:
    """Equal for bills of one account and day that may charge in advance until the same times."""
    return derived_id(*sorted(f"{'/'.join(map(str, what))} {instants.to_text(end)}" for what, end in ends.items()))


def opened_by(attached: Iterable[Attachment], opening: date, day: date, zone: tzinfo) -> Sequence[Attachment]:
    """Those of which a bill of the day `opening` opened the period that closes on `day`."""
    windows = ((one, closing_window(one, day, zone)) for one in attached)
    return [one for one, window in windows if window and local_day(window.span.start, zone) == opening]


def begun(inputs: BillingInputs) -> Mapping[Charged, Mapping[str, bool]]:
    """By plan of which service begins with a bill, and by kind of charge: whether it is in advance."""
    day, zone = inputs.key.day, inputs.terms.zone
    opened = (one for one in inputs.attached if starting_window(one, day, zone))
    return {charged(one, inputs.account.id): timing(one) for one in opened}


def timing_digest(timed: Mapping[Charged, Mapping[str, bool]]) -> str:
    """Equal for plans of which the charges are in advance, or in arrears, alike."""
    return derived_id(*sorted(f"{'/'.join(map(str, what))} {sorted(kinds.items())}" for what, kinds in timed.items()))


def _text(*moments: datetime) -> str:
    return "/".join(instants.to_text(each) for each in moments)


def _payers(one: Attachment) -> Sequence[str]:
    if not isinstance(one, AttachedPlan) or not is_pooled(one):
        return ()
    kept = [f"{member.account_id} {member.kept}" for member in one.members if member.kept]
    return (one.child_billing, *(member.account_id for member in one.members), *kept)


def charged(one: Attachment, account_id: str) -> Charged:
    """What a plan or plan group on a bill of `account_id` is told apart by."""
    what = one.plan_id if isinstance(one, AttachedPlan) else None
    return one.account_plan_id, what, one.child.id if one.child else account_id


def is_pooled(plan: AttachedPlan) -> bool:
    """Whether it rates the usage of a family as one."""
    return len(plan.members) > 1


def is_served(one: Attachment, day: date, zone: tzinfo) -> bool:
    """Whether a bill of `day` settles or opens a period of it."""
    return bool(closing_window(one, day, zone) or starting_window(one, day, zone))
