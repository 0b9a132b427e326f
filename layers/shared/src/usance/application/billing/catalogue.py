"""Plans and prices as one run reads them: each entity once, however many accounts share it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from usance.application.ports.entities import EntityRepository
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.wire import Document

_Found = TypeVar("_Found")


@dataclass(slots=True)
class Catalogue:
    """What one organization offers, remembered for as long as this object lives (one batch of messages)."""

    entities: EntityRepository
    org_id: str
    _known: dict[object, Any] = field(default_factory=dict)

    def config(self) -> Document:
        """The organization's configuration."""
        return self.one("organizationConfig", self.org_id)

    def currencies(self) -> Sequence[Document]:
        """Every currency."""
        return self.remember("currencies", lambda: self.entities.list_all(self.org_id, "currency", filters={}))

    def one(self, type_: str, id_: str) -> Document:
        """An entity that others refer to. `InvalidInputError` when it is gone."""
        found = self.remember((type_, id_), lambda: self.entities.get(self.org_id, type_, id_))
        if found is None:
            raise InvalidInputError(f"there is no {type_} {id_} any more, although the account's plans need it")
        return found

    def many(self, type_: str, ids: Iterable[str | None]) -> Sequence[Document]:
        """Those that exist, in the order asked."""
        wanted = list(dict.fromkeys(id_ for id_ in ids if id_))
        missing = [id_ for id_ in wanted if (type_, id_) not in self._known]
        for document in self.entities.get_many(self.org_id, type_, missing) if missing else ():
            self._known[type_, document["id"]] = document
        return [self._known[type_, id_] for id_ in wanted if self._known.get((type_, id_)) is not None]

    def meter_of_query(self, aggregation: Document) -> Document | None:
        """The meter of an aggregation with a query of its own; None for others, which need no more of it than its id."""
        return self.one("meter", aggregation["meterId"]) if aggregation.get("customSql") else None

    def plans_of_group(self, group_id: str) -> Sequence[Document]:
        """The plans of a plan group, oldest first."""
        links = self.remember(
            ("links", group_id),
            lambda: self.entities.list_all(self.org_id, "planGroupLink", filters={"planGroupId": [group_id]}),
        )
        return self.many("plan", sorted(link["planId"] for link in links))

    def pricings_of(self, plan: Document) -> Sequence[Document]:
        """The pricings of a plan and of its template, oldest first."""
        return self._priced("pricing", plan)

    def counter_pricings_of(self, plan: Document) -> Sequence[Document]:
        """The counter pricings of a plan and of its template, oldest first."""
        return self._priced("counterPricing", plan)

    def _priced(self, type_: str, plan: Document) -> Sequence[Document]:
        own = self._pricings(type_, "planId", plan["id"])
        inherited = self._pricings(type_, "planTemplateId", plan["planTemplateId"])
        return sorted([*own, *inherited], key=lambda pricing: pricing["id"])

    def _pricings(self, type_: str, field_: str, id_: str) -> Sequence[Document]:
        return self.remember(
            (type_, field_, id_),
            lambda: self.entities.list_all(self.org_id, type_, filters={field_: [id_]}),
        )

    def remember(self, key: object, read: Callable[[], _Found]) -> _Found:
        """What `read` answers, which is asked once for a `key`."""
        if key not in self._known:
            self._known[key] = read()
        found: _Found = self._known[key]
        return found
