"""Every refusal of Usance, by kind. The edge translates a kind to a status once (platform.md 1.13)."""

from typing import ClassVar, Self


class UsanceError(Exception):
    """A refusal with a stable `code` for programs and a `message` that names the field and the fix."""

    code: ClassVar[str] = "ERROR"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInputError(UsanceError):
    """What was sent breaks a rule of its field, or would break other configuration."""

    code = "INVALID_INPUT"


class UnauthenticatedError(UsanceError):
    """Nobody is named, or the credentials are wrong."""

    code = "UNAUTHENTICATED"


class InvalidClientError(UnauthenticatedError):
    """The credentials sent to the token endpoint are not those of an active access key."""

    code = "INVALID_CLIENT"


class UnsupportedGrantError(InvalidInputError):
    """The token endpoint was asked for another grant than it gives."""

    code = "UNSUPPORTED_GRANT_TYPE"


class ForbiddenError(UsanceError):
    """The caller may not do this, or this organization is not theirs."""

    code = "FORBIDDEN"


class BodyTooLargeError(UsanceError):
    """The body passes the limit of the API."""

    code = "BODY_TOO_LARGE"


class AnswerTooLargeError(UsanceError):
    """There is more to answer than one answer holds."""

    code = "ANSWER_TOO_LARGE"


class NotFoundError(UsanceError):
    """No such entity in this organization."""

    code = "NOT_FOUND"


class VersionConflictError(UsanceError):
    """The entity changed since the caller read it."""

    code = "VERSION_CONFLICT"


class DuplicateCodeError(UsanceError):
    """Another entity of this type has the code already."""

    code = "DUPLICATE_CODE"

    @classmethod
    def of(cls, type_: str, field: str, value: str) -> Self:
        """What another entity of the type has: the value of a field, or those of several whose names are joined by `+`."""
        *first, last = field.split("+")
        if first:
            return cls(f"{', '.join(first)} and {last}: another {type_} has the same already")
        return cls(f"{field}: another {type_} has {value!r} already")


class LimitExceededError(UsanceError):
    """Too much at once; the same call succeeds later."""

    code = "LIMIT_EXCEEDED"


class UnavailableError(UsanceError):
    """A store refused or timed out; nothing is lost and the same call may be repeated."""

    code = "UNAVAILABLE"
