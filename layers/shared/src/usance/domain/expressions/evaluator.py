"""Computing a calculation over exact decimals (metering.md 11, platform.md 7.3)."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from enum import Enum
from typing import Final, Protocol, assert_never

from usance.domain.expressions.functions import (
    ARITHMETIC,
    ARITHMETIC_DIGITS,
    CASTS,
    MATH,
    EvaluationError,
    equal,
    kind_of,
    power,
    text_of,
)
from usance.domain.expressions.moments import TIMESTAMP_FORMAT
from usance.domain.expressions.tree import (
    All,
    AnyOf,
    Call,
    Chain,
    Conditional,
    Expression,
    Function,
    Literal,
    Name,
    Node,
    Operator,
    Power,
    Signed,
    Value,
)
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import ZERO

__all__ = ["NO_LOOKUPS", "EvaluationError", "Lookups", "NullRules", "evaluate"]

TEXT_RESULT_MAX_CHARS: Final = 10_000  # joining texts in nested branches must not grow without end


class NullRules(Enum):
    """What null does in a calculation; `== null`, `!= null`, `isnull` and `IN` work in each."""

    DERIVED_FIELD = "derived field"
    """Computing or comparing with null is an error, and so is dividing by zero."""

    COMPOUND_AGGREGATION = "compound aggregation"
    """Null makes the result null; dividing by zero is an error."""

    NOTIFICATION = "notification"
    """Arithmetic with null is null, an order comparison with null is false, and dividing by zero is null."""


class Lookups(Protocol):
    """The published rows of the organization's lookup tables."""

    def find(self, table_code: str, keys: Sequence[str]) -> "dict[str, Value] | None":
        """The row of `keys`, in the table's key order; None when the table or the row does not exist."""
        ...


@dataclass(frozen=True, slots=True)
class _NoLookups:
    def find(self, table_code: str, keys: Sequence[str]) -> dict[str, Value] | None:  # noqa: ARG002 - there are no rows
        return None


NO_LOOKUPS: Final[Lookups] = _NoLookups()


def evaluate(
    expression: Expression,
    resolve: Callable[[str], Value | int],
    rules: NullRules,
    *,
    lookups: Lookups = NO_LOOKUPS,
    key_fields: Collection[str] = (),
) -> Value:
    """The value of `expression`.

    `resolve` gives the value of a name, null included (whole numbers may be `int`), and may raise `EvaluationError` for a name it does not know.
    A quoted lookup key that is one of `key_fields` stands for that field's value. Raises `EvaluationError`.
    """
    return _Evaluation(resolve, rules, lookups, frozenset(key_fields)).value(expression.root)


@dataclass(frozen=True, slots=True)
class _Evaluation:
    resolve: Callable[[str], Value | int]
    rules: NullRules
    lookups: Lookups
    key_fields: frozenset[str]

    def value(self, node: Node) -> Value:  # noqa: C901, PLR0911, PLR0912 - one case per kind of node
        match node:
            case Literal():
                return node.value
            case Name():
                return self.named(node.path)
            case Signed():
                return self.signed(node.negative, self.value(node.operand))
            case Chain():
                result = self.value(node.first)
                for operator, operand in node.rest:
                    result = self.combine(operator, result, self.value(operand))
                return result
            case Power():
                return self.arithmetic("^", power, self.value(node.base), self.value(node.exponent))
            case All():
                return self.joined(node.operands, decisive=False)
            case AnyOf():
                return self.joined(node.operands, decisive=True)
            case Conditional():
                condition = self.truth(self.value(node.condition), "the condition before '?'")
                if condition is None:
                    return None
                return self.value(node.then if condition else node.otherwise)
            case Call():
                return self.call(node.function, node.arguments)
            case _:
                assert_never(node)

    def named(self, path: str) -> Value:
        value = self.resolve(path)
        return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value

    def signed(self, negative: bool, operand: Value) -> Value:  # noqa: FBT001 - the node's own field
        sign = "-" if negative else "+"
        return self.arithmetic(sign, lambda number: number.copy_negate() if negative else number, operand)

    def combine(self, operator: Operator, left: Value, right: Value) -> Value:  # noqa: C901, PLR0911 - one case each
        match operator:
            case Operator.EQUAL:
                return equal(left, right)
            case Operator.NOT_EQUAL:
                return not equal(left, right)
            case Operator.LESS | Operator.LESS_OR_EQUAL | Operator.GREATER | Operator.GREATER_OR_EQUAL:
                return self.compare(operator, left, right)
            case Operator.ADD:
                if isinstance(left, str) or isinstance(right, str):
                    return self.join(left, right)
                return self.arithmetic(operator, ARITHMETIC.add, left, right)
            case Operator.SUBTRACT:
                return self.arithmetic(operator, ARITHMETIC.subtract, left, right)
            case Operator.MULTIPLY:
                return self.arithmetic(operator, ARITHMETIC.multiply, left, right)
            case Operator.DIVIDE:
                return self.divide(operator, ARITHMETIC.divide, left, right)
            case Operator.REMAINDER:
                return self.divide(operator, ARITHMETIC.remainder, left, right)
            case _:
                assert_never(operator)

    def refuse_null(self, what: str) -> None:
        """Raise where a null operand of `what` is an error: in a derived field."""
        if self.rules is NullRules.DERIVED_FIELD:
            raise EvaluationError(f"{what} has an operand that is null")

    def arithmetic(self, what: str, compute: Callable[..., Decimal], *operands: Value) -> Value:
        numbers: list[Decimal] = []
        for operand in operands:
            if operand is not None and not isinstance(operand, Decimal):
                raise EvaluationError(f"{what} takes numbers, not {kind_of(operand)}")
            if operand is not None:
                numbers.append(operand)
        if len(numbers) < len(operands):
            self.refuse_null(what)
            return None
        try:
            return compute(*numbers)
        except DecimalException as refused:
            raise EvaluationError(f"{what} has no value in {ARITHMETIC_DIGITS} digits") from refused

    def divide(
        self, operator: Operator, compute: Callable[[Decimal, Decimal], Decimal], left: Value, right: Value
    ) -> Value:
        if isinstance(left, Decimal) and isinstance(right, Decimal) and right == ZERO:
            if self.rules is NullRules.NOTIFICATION:
                return None
            raise EvaluationError(f"{operator} divides by zero")
        return self.arithmetic(operator, compute, left, right)

    def join(self, left: Value, right: Value) -> Value:
        if left is None or right is None:
            self.refuse_null("+")
            return None
        joined = text_of(left) + text_of(right)
        if len(joined) > TEXT_RESULT_MAX_CHARS:
            raise EvaluationError(f"a joined text has more than {TEXT_RESULT_MAX_CHARS} characters")
        return joined

    def compare(self, operator: Operator, left: Value, right: Value) -> Value:
        if left is None or right is None:
            self.refuse_null(operator)
            return False if self.rules is NullRules.NOTIFICATION else None
        order: int
        if isinstance(left, Decimal) and isinstance(right, Decimal):  # noqa: SIM114 - the types differ
            order = (left > right) - (left < right)
        elif isinstance(left, str) and isinstance(right, str):
            order = (left > right) - (left < right)
        else:
            found = f"{kind_of(left)} and {kind_of(right)}"
            raise EvaluationError(f"{operator} compares two numbers or two texts, not {found}")
        match operator:
            case Operator.LESS:
                return order < 0
            case Operator.LESS_OR_EQUAL:
                return order <= 0
            case Operator.GREATER:
                return order > 0
            case _:
                return order >= 0

    def truth(self, value: Value, what: str) -> bool | None:
        """`value` as true or false; null is false to a notification and stays null to a compound aggregation."""
        if value is None:
            self.refuse_null(what)
            return False if self.rules is NullRules.NOTIFICATION else None
        if not isinstance(value, bool):
            raise EvaluationError(f"{what} must be true or false, not {kind_of(value)}")
        return value

    def joined(self, operands: tuple[Node, ...], *, decisive: bool) -> Value:
        """AND (`decisive` false) or OR (true): the first decisive operand ends it; else null if any was null."""
        what = "OR" if decisive else "AND"
        unknown = False
        for operand in operands:
            truth = self.truth(self.value(operand), what)
            if truth is decisive:
                return decisive
            unknown = unknown or truth is None
        return None if unknown else not decisive

    def call(self, function: Function, arguments: tuple[Node, ...]) -> Value:
        match function:
            case Function.IS_NULL:
                first = self.value(arguments[0])
                return self.value(arguments[1]) if first is None else first
            case Function.IN:
                subject = self.value(arguments[0])
                return any(equal(subject, self.value(candidate)) for candidate in arguments[1:])
            case Function.FIND_NUMBER | Function.FIND_STRING | Function.EXISTS:
                return self.lookup(function, arguments)
            case Function.TO_NUMBER | Function.TO_STRING | Function.PARSE_TIME | Function.FORMAT_TIME:
                return self.cast(function, [self.value(argument) for argument in arguments])
            case _:
                compute = MATH[function]
                return self.arithmetic(function, compute, *(self.value(argument) for argument in arguments))

    def cast(self, function: Function, values: list[Value]) -> Value:
        subject, *formats = values
        if formats and formats[0] != TIMESTAMP_FORMAT:
            raise EvaluationError(f"{function} takes only the format DateTime.TS_FMT")
        if subject is None:
            self.refuse_null(function)
            return None
        try:
            return CASTS[function](subject)
        except InvalidInputError as refused:
            raise EvaluationError(f"{function}: {refused.message}") from refused

    def lookup(self, function: Function, arguments: tuple[Node, ...]) -> Value:
        table, *others = arguments
        keys_from = 0 if function is Function.EXISTS else 2
        keys = [self.key(argument) for argument in others[keys_from:]]
        texts = [text_of(key) for key in keys if key is not None]
        row = self.lookups.find(text_of(self.value(table)), texts) if len(texts) == len(keys) else None
        if function is Function.EXISTS:
            return row is not None
        found = None if row is None else row.get(text_of(self.value(others[0])))
        if found is None:
            return self.value(others[1])
        if isinstance(found, Decimal) is not (function is Function.FIND_NUMBER):
            raise EvaluationError(f"{function} found {kind_of(found)}")
        return found

    def key(self, argument: Node) -> Value:
        """A quoted field code stands for the field's value (metering.md, open question 4)."""
        if isinstance(argument, Literal) and isinstance(argument.value, str) and argument.value in self.key_fields:
            return self.named(argument.value)
        return self.value(argument)
