"""Meters, accounts and custom fields of an organization, remembered for seconds: most requests name the same few."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar

from usance.application.lookups.published import PublishedTables
from usance.application.ports.clock import Clock
from usance.application.ports.entities import EntityRepository
from usance.domain.metering.meter import Category, DerivedField, Meter
from usance.resources.wire import Document

REMEMBERED_FOR: Final = timedelta(seconds=10)  # how long a change of a meter or account may go unseen
ENTRIES_MAX: Final = 20_000  # some 20 MB; then all is forgotten
PARALLEL_READS_MAX: Final = 8  # of the client's 32 connections

CustomFields = Mapping[str, Decimal | str | bool | int | None]
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class KnownMeter:
    """A meter and its custom fields."""

    meter: Meter
    custom_fields: CustomFields


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account and its custom fields."""

    id: str
    custom_fields: CustomFields


@dataclass(slots=True)
class Directory:
    """Kept for the life of a process. Only what exists is remembered: a new meter or account is seen at once."""

    entities: EntityRepository
    clock: Clock
    tables: PublishedTables
    _entries: dict[tuple[str, ...], tuple[datetime, Any]] = field(default_factory=dict)

    def meters(self, org_id: str, codes: Iterable[str]) -> dict[str, KnownMeter]:
        """Those of `codes` that name a meter."""
        return self._by_key(codes, lambda code: ("meter", org_id, code), lambda code: self._meter(org_id, code))

    def meters_anew(self, org_id: str, codes: Iterable[str]) -> dict[str, KnownMeter]:
        """Those of `codes` that name a meter, as they are now."""
        wanted = list(codes)
        for code in wanted:
            self._entries.pop(("meter", org_id, code), None)
        return self.meters(org_id, wanted)

    def accounts(self, org_id: str, codes: Iterable[str]) -> dict[str, KnownAccount]:
        """Those of `codes` that name an account."""
        return self._by_key(codes, lambda code: ("account", org_id, code), lambda code: self._account(org_id, code))

    def remember_account(self, org_id: str, code: str, account: KnownAccount) -> None:
        """Take note of an account that was just made."""
        self._remember(("account", org_id, code), account)

    def defaults(self, org_id: str) -> Mapping[str, CustomFields]:
        """The organization's own custom fields, per kind of entity."""
        found = self._by_key(["defaults"], lambda name: (name, org_id), lambda _: self._defaults(org_id))
        return found["defaults"]

    def product(self, org_id: str, product_id: str) -> CustomFields:
        """A product's custom fields; none when it does not exist."""
        found = self._by_key([product_id], lambda id_: ("product", org_id, id_), lambda id_: self._product(org_id, id_))
        return found.get(product_id, {})

    def _by_key(
        self, names: Iterable[str], key: Callable[[str], tuple[str, ...]], find: Callable[[str], Found | None]
    ) -> dict[str, Found]:
        now = self.clock.now()
        found: dict[str, Found] = {}
        missing: list[str] = []
        for name in names:
            expires, value = self._entries.get(key(name), (now, None))
            if expires > now:
                found[name] = value
            else:
                missing.append(name)
        for name, fresh in zip(missing, _each(find, missing), strict=True):
            if fresh is not None:
                found[name] = fresh
                self._remember(key(name), fresh)
        return found

    def _remember(self, key: tuple[str, ...], value: Any) -> None:
        if len(self._entries) >= ENTRIES_MAX:
            self._entries.clear()
        self._entries[key] = (self.clock.now() + REMEMBERED_FOR, value)

    def _meter(self, org_id: str, code: str) -> KnownMeter | None:
        document = self.entities.find_unique(org_id, "meter", "code", code)
        return KnownMeter(_meter(document), document.get("customFields") or {}) if document else None

    def _account(self, org_id: str, code: str) -> KnownAccount | None:
        document = self.entities.find_unique(org_id, "account", "code", code)
        return KnownAccount(document["id"], document.get("customFields") or {}) if document else None

    def _product(self, org_id: str, product_id: str) -> CustomFields | None:
        document = self.entities.get(org_id, "product", product_id)
        return (document.get("customFields") or {}) if document else None

    def _defaults(self, org_id: str) -> Mapping[str, CustomFields]:
        return self.entities.get(org_id, "customField", org_id) or {}


def _each(find: Callable[[str], Found | None], names: list[str]) -> Iterable[Found | None]:
    if len(names) <= 1:
        return [find(name) for name in names]
    with ThreadPoolExecutor(PARALLEL_READS_MAX) as pool:
        return list(pool.map(find, names))


def _meter(document: Document) -> Meter:
    derived = document.get("derivedFields") or ()
    return Meter(
        id=document["id"],
        product_id=document.get("productId"),
        fields={item["code"]: Category(item["category"].lower()) for item in document["dataFields"]},
        derived_fields=tuple(_derived_field(item) for item in derived),
    )


def _derived_field(item: Document) -> DerivedField:
    from usance.domain.expressions.grammar import parse  # only meters with derived fields need the grammar

    return DerivedField(item["code"], Category(item["category"].lower()), parse(item["calculation"]))
