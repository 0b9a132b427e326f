"""The kinds of field that nouns are made of, each with its limits (platform.md 1.8, 1.16; metering.md 0)."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel

from usance.domain.kernel.calendar import FIRST_YEAR, LAST_YEAR
from usance.domain.kernel.quantity import PRECISION_DIGITS, SIZE_MAX_EXPONENT
from usance.resources.instants import from_text

NAME_MAX_CHARS: Final = 200
CODE_MAX_CHARS: Final = 80
ID_CHARS: Final = 36
TEXT_MAX_CHARS: Final = 1_000  # where the API names no limit: room for prose, none for abuse
CUSTOM_FIELDS_MAX: Final = 100
NESTING_MAX: Final = 20  # readers of JSON recurse once per level, and none of them must be the first to give up
INTEGER_MAX: Final = 2_147_483_647  # what clients of the API hold

_Parsed = TypeVar("_Parsed")

_IDENTIFIER: Final = re.compile(r"[^\W\d]|[$_]")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?([Zz]|[+-]\d{2}:?\d{2})?)?")
_EMAIL: Final = re.compile(r"[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)*")


class Noun(BaseModel):
    """What a client may send for a noun: camelCase, unknown properties ignored, explicit null the same as absent."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", strict=True, defer_build=True)

    # mypy warns here that fields cannot be given by their names: documents give them, by their aliases.
    @model_validator(mode="before")  # type: ignore[pydantic-alias]
    @classmethod
    def _null_is_absent(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: inner for name, inner in value.items() if inner is not None}
        return value


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number")  # noqa: TRY004  (pydantic turns ValueError, not TypeError, into a refusal)
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError("must be a finite number")
    if len(number.as_tuple().digits) > PRECISION_DIGITS:
        raise ValueError(f"must have at most {PRECISION_DIGITS} digits")
    if number and abs(number.adjusted()) > SIZE_MAX_EXPONENT:
        raise ValueError(f"must be between 1e-{SIZE_MAX_EXPONENT} and 1e{SIZE_MAX_EXPONENT} in size")
    return number


def _not_negative(value: Decimal) -> Decimal:
    if value < 0:
        raise ValueError("must be 0 or more")
    return value


def _positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError("must be more than 0")
    return value


def whole(value: Any) -> Any:
    """2.0 is a whole number too; anything else is left for the type to refuse."""
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value) if value.adjusted() <= SIZE_MAX_EXPONENT else INTEGER_MAX + 1
    return value


def code_text(value: str) -> str:
    """`value` when it can be a code; ValueError says what it must be."""
    if value != value.strip():
        raise ValueError("must not begin or end with a space")
    if any(
        character != " " and (character.isspace() or unicodedata.category(character) == "Cc") for character in value
    ):
        raise ValueError("must not hold control characters or white space other than plain spaces")
    return value


def identifier_text(value: str) -> str:
    """`value` when it is a name that calculations can use; ValueError says what it must be."""
    first, rest = value[0], value[1:]
    if not _IDENTIFIER.match(first) or any(
        not _IDENTIFIER.match(character) and not (character.isascii() and character.isdigit()) for character in rest
    ):
        raise ValueError("must begin with a letter, _ or $ and hold only letters, digits, _ and $")
    return value


def instant_text(value: str) -> str:
    """`value` when it is a date, or a date-time, of the API; ValueError says what it must be."""
    return _moment(value, "an ISO 8601 date-time such as 2026-01-31T00:00:00Z")


def day_text(value: str) -> str:
    """The date of a day that clients may send as a date-time; only that is kept, as the API answers it."""
    return _moment(value, "a date such as 2026-01-31")[: len("2026-01-31")]


def _moment(value: str, wanted: str) -> str:
    moment = _parsed(from_text, value) if _INSTANT.fullmatch(value) else None
    if moment is None:
        raise ValueError(f"must be {wanted}")
    return _in_range(value, moment.year)


def _date(value: str) -> str:
    day = _parsed(date.fromisoformat, value) if _DATE.fullmatch(value) else None
    if day is None:
        raise ValueError("must be a date such as 2026-01-31")
    return _in_range(value, day.year)


def _parsed(parse: Callable[[str], _Parsed], value: str) -> _Parsed | None:
    try:
        return parse(value)
    except ValueError:
        return None


def _in_range(value: str, year: int) -> str:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"must lie between the years {FIRST_YEAR} and {LAST_YEAR}")
    return value


def _email(value: str) -> str:
    if not _EMAIL.fullmatch(value):
        raise ValueError("must be an e-mail address")
    return value


def _custom_value(value: Any) -> Any:
    if isinstance(value, str):
        if len(value) > TEXT_MAX_CHARS:
            raise ValueError(f"must have at most {TEXT_MAX_CHARS} characters")
        return value
    try:
        return _number(value)
    except ValueError as refused:
        raise ValueError(f"{refused} or a string") from None


def _free_object(value: Any, depth: int = 1) -> Any:
    """An object whose members are up to the client: its numbers and its nesting have their limits too."""
    if depth > NESTING_MAX:
        raise ValueError(f"must nest at most {NESTING_MAX} levels")
    if isinstance(value, Mapping):
        return {name: _free_object(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_free_object(inner, depth + 1) for inner in value]
    return value if value is None or isinstance(value, str | bool) else _number(value)


def without_nulls(value: Any) -> Any:
    """A map without the entries that are null."""
    if isinstance(value, Mapping):
        return {name: inner for name, inner in value.items() if inner is not None}
    return value


def unique_items(values: list[Any]) -> list[Any]:
    """Refuse a list that names anything twice."""
    if len({repr(value) for value in values}) < len(values):
        raise ValueError("must not name anything twice")
    return values


Text = Annotated[str, Field(min_length=1, max_length=TEXT_MAX_CHARS)]
Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX_CHARS)]
Description = Annotated[str, Field(max_length=200)]
Code = Annotated[str, Field(min_length=1, max_length=CODE_MAX_CHARS), AfterValidator(code_text)]
Identifier = Annotated[str, Field(min_length=1, max_length=CODE_MAX_CHARS), AfterValidator(identifier_text)]
Id = Annotated[str, Field(min_length=ID_CHARS, max_length=ID_CHARS)]
CurrencyCode = Identifier  # of the organization's currencies
PricingCurrency = Annotated[str, Field(min_length=3, max_length=3), AfterValidator(code_text)]
Email = Annotated[
    str,
    Field(min_length=3, max_length=254),
    AfterValidator(_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]
DateTime = Annotated[str, AfterValidator(instant_text), WithJsonSchema({"type": "string", "format": "date-time"})]
Date = Annotated[str, AfterValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]
Day = Annotated[str, AfterValidator(day_text), WithJsonSchema({"type": "string", "format": "date"})]

Integral: Final = BeforeValidator(whole)  # JSON tells no 3 from 3.0
Version = Annotated[int, Integral]

Number = Annotated[Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number"})]
NotNegative = Annotated[
    Decimal, BeforeValidator(_number), AfterValidator(_not_negative), WithJsonSchema({"type": "number", "minimum": 0})
]
Positive = Annotated[
    Decimal,
    BeforeValidator(_number),
    AfterValidator(_positive),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0}),
]
Whole = Annotated[
    int,
    Integral,
    Field(ge=0, le=INTEGER_MAX),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": INTEGER_MAX}),
]
PositiveWhole = Annotated[
    int,
    Integral,
    Field(ge=1, le=INTEGER_MAX),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": INTEGER_MAX}),
]

CustomValue = Annotated[
    str | Decimal,
    BeforeValidator(_custom_value),
    WithJsonSchema({"anyOf": [{"type": "string", "maxLength": TEXT_MAX_CHARS}, {"type": "number"}]}),
]
CustomFields = Annotated[dict[Name, CustomValue], BeforeValidator(without_nulls), Field(max_length=CUSTOM_FIELDS_MAX)]
FreeObject = Annotated[dict[str, Any], AfterValidator(_free_object)]
CreditApplicationOrder = Annotated[
    list[Literal["PREPAYMENT", "BALANCE"]], AfterValidator(unique_items), Field(max_length=2)
]
StatementMode = Literal["NONE", "JSON", "JSON_AND_CSV"]
