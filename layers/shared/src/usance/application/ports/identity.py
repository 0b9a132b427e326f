"""An OpenID Connect provider that people sign in at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Proof:
    """How somebody shows who they are: an ID token, or an authorization code that the provider gives one for."""

    id_token: str = ""
    code: str = ""
    redirect_uri: str = ""
    code_verifier: str | None = None


class IdentityProvider(Protocol):
    """The provider of the deployment."""

    def redeem(self, code: str, redirect_uri: str, code_verifier: str | None) -> str:
        """The ID token for an authorization code. `InvalidClientError` when the provider refuses the code."""
        ...

    def email_of(self, id_token: str, *, now: datetime) -> str:
        """The e-mail address that the token vouches for, in lower case.

        `InvalidClientError` for a token that is not the provider's, not for this deployment, expired, or without an address
        that is known to be its holder's.
        """
        ...
