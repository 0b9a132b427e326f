"""Accounts that measurements bring into being (metering.md 1.7)."""

import hashlib
import unicodedata
from typing import Final

from usance.domain.metering.submission import CODE_MAX_CHARS

_HASH_CHARS: Final = 16


def folded(code: str) -> str:
    """The form in which two codes are too similar when they are equal (metering.md, open question 15)."""
    return code.strip().casefold()


def may_name_an_account(code: str) -> bool:
    """Whether `code` has the form of an account's code: no control characters, no space around it, plain spaces inside."""
    plain = all(char == " " or not (char.isspace() or unicodedata.category(char) == "Cc") for char in code)
    return plain and code == code.strip() and 0 < len(code) <= CODE_MAX_CHARS


def skeleton_fields(org_id: str, code: str) -> dict[str, str]:
    """The fields of an account made for an unknown code, to be edited later."""
    random_looking = hashlib.sha256(f"{org_id}\x1f{code}".encode()).hexdigest()[:_HASH_CHARS]
    return {
        "code": code,
        "name": f"{code}-autocreated",
        "emailAddress": f"{random_looking}-autocreated@example.com",
    }
