"""The invoice that a system has of a bill: by the id that is known, or among the customer's by its mark."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from usance.application.ports.connectors import BillJob
from usance.domain.integrations.invoice import Invoice


class Listed(Protocol):
    """An invoice as a system shows it."""

    @property
    def gone(self) -> bool:
        """Whether it was voided or deleted."""
        ...


Found = TypeVar("Found", bound=Listed)


def found_invoice(
    job: BillJob,
    by_id: Callable[[str], Found | None],
    of_customer: Callable[[str], Iterable[Found]],
    is_ours: Callable[[Invoice, Found], bool],
) -> Found | None:
    """The bill's invoice; None when there is none, or it is gone."""
    known = by_id(job.external_id) if job.external_id else None
    if known and not known.gone:
        return known
    customer = job.known.of("Account", job.invoice.account_id, "Customer")
    listed = of_customer(customer) if customer else ()
    return next((one for one in listed if not one.gone and is_ours(job.invoice, one)), None)
