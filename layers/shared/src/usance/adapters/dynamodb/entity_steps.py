"""What a commit of entities writes: rows, markers of unique values, index rows and checks of references."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from usance.adapters.dynamodb import keys
from usance.adapters.dynamodb.transactions import Step
from usance.application.ports.entities import Delete, Guard, Put, Reference, named_guards, stale
from usance.domain.kernel.errors import (
    DuplicateCodeError,
    InvalidInputError,
    NotFoundError,
    UsanceError,
    VersionConflictError,
)
from usance.resources import wire
from usance.resources.wire import Document

CLAIM_SECONDS: Final = 30  # as long as a request can live
CLAIM_MARGIN_SECONDS: Final = 5  # clocks differ: others honour a claim longer than its owner may use it
BODY_MAX_BYTES: Final = 190_000  # DynamoDB rows stop at 400 KB, and the event of a change holds it before and after

_Key = tuple[str, str]
_Refusal = Callable[[Mapping[str, Any] | None], UsanceError]


@dataclass(frozen=True, slots=True)
class Row:
    """An entity as stored. `owned` are the (pk, sk) of its marker and index rows.

    `wide` holds the values of filters by whose buckets it is found.
    """

    id: str
    version: int
    document: Document
    owned: frozenset[_Key]
    private: Mapping[str, str]
    wide: Mapping[str, frozenset[str]]

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> Self:
        """From a DynamoDB item."""
        return cls(
            id=item["id"]["S"],
            version=int(item["version"]["N"]),
            document=wire.loads(item["body"]["S"]),
            owned=frozenset(_owned(item)),
            private={name: value["S"] for name, value in item.get("private", {}).get("M", {}).items()},
            wide={name: frozenset(value["SS"]) for name, value in item.get("wide", {}).get("M", {}).items()},
        )


def change_steps(
    table: str,
    org_id: str,
    changes: Sequence[Put | Delete],
    before: Mapping[tuple[str, str], Row | None],
    now: int,
) -> list[Step]:
    """The transaction of `changes`. `before` holds the row that each update or delete replaces; `now` is epoch time."""
    rows: list[Step] = []
    added: dict[_Key, Step] = {}
    dropped: dict[_Key, Step] = {}
    for change in changes:
        id_ = change.id if isinstance(change, Delete) else str(change.document["id"])
        previous = before[change.type, id_]
        owned: dict[_Key, Step] = {}
        if isinstance(change, Put):
            owned = _owned_steps(table, org_id, change, id_)
            rows.append(_put(table, org_id, change, id_, previous, owned))
        else:
            rows.append(_delete(table, org_id, change, previous, now))
        kept = previous.owned if previous else frozenset()
        _refuse_twice(added, owned)
        added.update({key: step for key, step in owned.items() if key not in kept})
        dropped.update({key: _drop(table, key) for key in kept - owned.keys()})
    for key in dropped.keys() & added.keys():  # a value that moves from one entity of this commit to another
        item = added[key].item["Put"]
        added[key] = _unconditional({"Put": {name: item[name] for name in ("TableName", "Item")}})
    checks = _reference_steps(table, org_id, changes, now)
    guards = named_guards(guard for change in changes for guard in change.guards)
    return [
        *rows,
        *added.values(),
        *(step for key, step in dropped.items() if key not in added),
        *checks,
        *(_guarded(table, org_id, guard) for guard in guards),
    ]


def reference_check(table: str, org_id: str, reference: Reference, now: int) -> Step:
    """Check that an entity is there and nobody is deleting it; `now` is epoch time."""
    name = reference.field or f"{reference.type}Id"
    return Step(
        {
            "ConditionCheck": {
                "TableName": table,
                "Key": keys.entity_key(org_id, reference.type, reference.id),
                "ConditionExpression": "attribute_exists(pk) AND (attribute_not_exists(deleting) OR deleting < :stale)",
                "ExpressionAttributeValues": {":stale": {"N": str(now - CLAIM_MARGIN_SECONDS)}},
            }
        },
        lambda _: InvalidInputError(f"{name}: there is no {reference.type} {reference.id}"),
    )


def _put(table: str, org_id: str, change: Put, id_: str, previous: Row | None, owned: Mapping[_Key, Step]) -> Step:
    body = wire.dumps(change.document)
    if len(body) > BODY_MAX_BYTES:
        raise InvalidInputError(f"the {change.type} has {len(body)} bytes; the limit is {BODY_MAX_BYTES}")
    private = change.private if change.private is not None else (previous.private if previous else {})
    item = {
        **keys.entity_key(org_id, change.type, id_),
        "type": {"S": change.type},
        "org": {"S": org_id},
        "id": {"S": id_},
        "version": {"N": str(change.document["version"])},
        "body": {"S": body.decode()},
        "keys": {"L": [{"L": [{"S": pk}, {"S": sk}]} for pk, sk in owned]},
    }
    if private:
        item["private"] = {"M": {name: {"S": value} for name, value in private.items()}}
    if wide := {name: values for name, values in change.indexed.items() if keys.is_wide(change.type, name, values)}:
        item["wide"] = {"M": {name: {"SS": sorted(values)} for name, values in wide.items()}}
    put: dict[str, Any] = {"TableName": table, "Item": item, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    if previous is None:
        put["ConditionExpression"] = "attribute_not_exists(pk)"
        return Step({"Put": put}, lambda _: VersionConflictError(f"the {change.type} {id_} exists already"))
    put["ConditionExpression"] = "version = :version"
    put["ExpressionAttributeValues"] = {":version": {"N": str(previous.version)}}
    return Step({"Put": put}, _gone_or_changed(change.type, id_))


def _delete(table: str, org_id: str, change: Delete, previous: Row | None, now: int) -> Step:
    if previous is None:
        raise NotFoundError(f"there is no {change.type} {change.id}")
    condition, values = "version = :version", {":version": {"N": str(previous.version)}}
    if change.claim:
        if now >= change.claim.expires:
            raise VersionConflictError(f"deleting the {change.type} {change.id} took too long; repeat the request")
        condition += " AND deleting = :expires"
        values[":expires"] = {"N": str(change.claim.expires)}
    delete = {
        "TableName": table,
        "Key": keys.entity_key(org_id, change.type, change.id),
        "ConditionExpression": condition,
        "ExpressionAttributeValues": values,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    return Step({"Delete": delete}, _gone_or_changed(change.type, change.id))


def _owned_steps(table: str, org_id: str, change: Put, id_: str) -> dict[_Key, Step]:
    steps: dict[_Key, Step] = {}
    for field, value in change.unique.items():
        key = (keys.unique_partition(org_id, change.type, field, value), keys.UNIQUE_SORT_KEY)
        put = {
            "TableName": table,
            "Item": {**keys.key(*key), "id": {"S": id_}},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        steps[key] = Step({"Put": put}, _duplicate(change.type, field, value))
    for field, values in change.indexed.items():
        if keys.is_wide(change.type, field, values):
            partitions = keys.wide_partitions(org_id, change.type, field, values)
        else:
            partitions = tuple(keys.filter_partition(org_id, change.type, field, value, id_) for value in values)
        for key in ((pk, id_) for pk in partitions):
            steps[key] = _unconditional({"Put": {"TableName": table, "Item": {**keys.key(*key), "id": {"S": id_}}}})
    return steps


def _reference_steps(table: str, org_id: str, changes: Sequence[Put | Delete], now: int) -> list[Step]:
    """One check per referenced entity that this commit does not itself write."""
    put = {(change.type, str(change.document["id"])) for change in changes if isinstance(change, Put)}
    gone = {(change.type, change.id) for change in changes if isinstance(change, Delete)}
    steps: dict[tuple[str, str], Step] = {}
    for change in changes:
        for reference in change.references if isinstance(change, Put) else ():
            target = (reference.type, reference.id)
            step = reference_check(table, org_id, reference, now)
            if target in gone:
                raise step.refusal(None)
            if target not in put:
                steps.setdefault(target, step)
    return list(steps.values())


def _guarded(table: str, org_id: str, guard: Guard) -> Step:
    """Check that a guard is as it was seen, and move it unless it is only held."""
    what: dict[str, Any] = {
        "TableName": table,
        "Key": keys.guard_key(org_id, guard.name),
        "ConditionExpression": "moved = :seen" if guard.seen else "attribute_not_exists(pk)",
    }
    values = {":seen": {"N": str(guard.seen)}} if guard.seen else {}
    if not guard.holds:
        what["UpdateExpression"] = "SET moved = :next"
        values[":next"] = {"N": str(guard.seen + 1)}
    if values:
        what["ExpressionAttributeValues"] = values
    return Step({"ConditionCheck" if guard.holds else "Update": what}, lambda _: stale(guard))


def _drop(table: str, key: _Key) -> Step:
    return _unconditional({"Delete": {"TableName": table, "Key": keys.key(*key)}})


def _unconditional(item: Mapping[str, Any]) -> Step:
    return Step(item, lambda _: VersionConflictError("the entity changed meanwhile; read it again"))


def _refuse_twice(added: Mapping[_Key, Step], owned: Mapping[_Key, Step]) -> None:
    for key in added.keys() & owned.keys():
        raise owned[key].refusal(None)


def _duplicate(type_: str, field: str, value: str) -> _Refusal:
    return lambda _: DuplicateCodeError.of(type_, field, value)


def _gone_or_changed(type_: str, id_: str) -> _Refusal:
    def refusal(there: Mapping[str, Any] | None) -> UsanceError:
        if there is None:
            return NotFoundError(f"there is no {type_} {id_}")
        return VersionConflictError(f"the {type_} {id_} changed meanwhile; read it again")

    return refusal


def _owned(item: Mapping[str, Any]) -> Sequence[_Key]:
    return [(pair["L"][0]["S"], pair["L"][1]["S"]) for pair in item.get("keys", {}).get("L", [])]
