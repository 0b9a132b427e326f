"""JSON as the API speaks it: numbers are exact decimals both ways, and keep the digits they came with."""

from decimal import Decimal
from typing import Any, Final

import msgspec

from usance.domain.kernel.errors import InvalidInputError

Document = dict[str, Any]
"""A JSON object in memory: str, int, Decimal, bool, None, list and dict; never a float."""

_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def loads(text: bytes | str) -> Any:
    """Parse JSON. Raises `InvalidInputError` that says where the text is malformed; NaN and Infinity are malformed."""
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as malformed:
        raise InvalidInputError(f"the body is not valid JSON: {malformed}") from malformed


def dumps(value: Any) -> bytes:
    """Serialise; a Decimal becomes a JSON number with its own digits."""
    return _ENCODER.encode(value)
