"""The typed tree of a calculation, and the values it computes with."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import assert_never

Present = Decimal | str | bool
"""A value that is not null."""

Value = Present | None
"""What a calculation computes with; never a binary fraction."""


class Operator(StrEnum):
    """The operators that group from left to right."""

    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    REMAINDER = "%"
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    EQUAL = "=="
    NOT_EQUAL = "!="


class Function(StrEnum):
    """Every function, by the name it is called by. The last four are ours (metering.md, open question 3)."""

    MAX = "Math.max"
    MIN = "Math.min"
    FLOOR = "Math.floor"
    CEIL = "Math.ceil"
    ROUND = "Math.round"
    POW = "Math.pow"
    ABS = "Math.abs"
    IS_NULL = "isnull"
    IN = "IN"
    FIND_NUMBER = "Lookup.findNumber"
    FIND_STRING = "Lookup.findString"
    EXISTS = "Lookup.exists"
    TO_NUMBER = "toNumber"
    TO_STRING = "toString"
    PARSE_TIME = "DateTime.parse"
    FORMAT_TIME = "DateTime.format"


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text, true, false, null or a named constant. `at` of any node is where it stands in the text, from 0."""

    value: Value
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A reference such as `seconds`, `aggregation.requests` or `new.amount`."""

    path: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Signed:
    """`-x` or `+x`."""

    negative: bool
    operand: "Node"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Chain:
    """`first` followed by operators of one precedence and their operands, taken from left to right.

    `operators_at` says where each operator stands.
    """

    first: "Node"
    rest: "tuple[tuple[Operator, Node], ...]"
    operators_at: tuple[int, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Power:
    """`base ^ exponent`; a chain of them groups from the right."""

    base: "Node"
    exponent: "Node"


@dataclass(frozen=True, slots=True)
class All:
    """Operands joined by AND."""

    operands: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Operands joined by OR."""

    operands: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Conditional:
    """`condition ? then : otherwise`; only the branch taken is computed."""

    condition: "Node"
    then: "Node"
    otherwise: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """A function of `arguments`, whose number was checked when the text was parsed."""

    function: Function
    arguments: "tuple[Node, ...]"
    at: int = field(default=0, compare=False)


Node = Literal | Name | Signed | Chain | Power | All | AnyOf | Conditional | Call


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed calculation and the text it came from."""

    text: str
    root: Node


def children(node: Node) -> tuple[Node, ...]:
    """The operands of `node`, from left to right."""
    match node:
        case Literal() | Name():
            return ()
        case Signed():
            return (node.operand,)
        case Chain():
            return (node.first, *(operand for _, operand in node.rest))
        case Power():
            return (node.base, node.exponent)
        case All() | AnyOf():
            return node.operands
        case Conditional():
            return (node.condition, node.then, node.otherwise)
        case Call():
            return node.arguments
        case _:
            assert_never(node)


def start(node: Node) -> int:
    """Where a node begins in the text, from 0; brackets around it are not counted."""
    while not isinstance(node, Literal | Name | Signed | Call):
        node = children(node)[0]
    return node.at


def walk(root: Node) -> Iterator[tuple[Node, int]]:
    """Every node with its depth, the root's being 1; without recursion, so that any depth can be measured."""
    pending = [(root, 1)]
    while pending:
        node, depth = pending.pop()
        yield node, depth
        pending.extend((child, depth + 1) for child in children(node))


def names(expression: Expression) -> frozenset[str]:
    """Every name that the calculation refers to, dotted names whole."""
    return frozenset(node.path for node, _ in walk(expression.root) if isinstance(node, Name))
