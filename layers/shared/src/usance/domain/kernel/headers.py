"""What a header of HTTP can carry."""

from typing import Final

HEADER_TEXT: Final = "must be printable ASCII without spaces around it, since it is sent as a header"


def is_header_text(text: str) -> bool:
    """Whether a header carries the text as it is, to every receiver (RFC 9110, 5.5)."""
    return text == text.strip() and text.isascii() and text.isprintable()
