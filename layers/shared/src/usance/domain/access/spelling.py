"""How the parts of a statement are written (platform.md 4.1, 4.2): in either spelling, in any case, with `*`."""

import re
from typing import Final

from usance.domain.access.actions import Action

EFFECTS: Final = frozenset({"allow", "deny"})
ALL_ACTIONS: Final = frozenset({"all", "*"})
_RESOURCE: Final = re.compile(r"\*|[\w*-]+:[\w*-]+(/\*|/(item|group|\*)/[\w*-]+)?", re.ASCII)


def normal_action(written: str) -> str:
    """`CONFIG_CREATE` and `Config:Create` as `config:create`."""
    lowered = written.strip().lower()
    return lowered if ":" in lowered else lowered.replace("_", ":", 1)


def is_effect(written: str) -> bool:
    """Whether this is an effect."""
    return written.strip().lower() in EFFECTS


def is_action(written: str) -> bool:
    """Whether this names an action, or a pattern that some action matches."""
    pattern = normal_action(written)
    return pattern in ALL_ACTIONS or any(glob(pattern, action.value.lower()) for action in Action)


def is_resource(written: str) -> bool:
    """Whether this can name resources: `*`, `service:type`, `service:type/*` or `service:type/item|group/id`."""
    return _RESOURCE.fullmatch(written.strip().lower()) is not None


def glob(pattern: str, text: str) -> bool:
    """Whether `text` is `pattern` with any text for each `*`; in one pass, however many there are."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *inner, last = rest
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    place, end = len(first), len(text) - len(last)
    for part in inner:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True
