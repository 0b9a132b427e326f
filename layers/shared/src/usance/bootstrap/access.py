"""The use cases of access, composed."""

from functools import cache
from typing import TYPE_CHECKING

from usance.application.access.create_access_key import AccessKey, create_access_key
from usance.application.access.create_organization import create_organization
from usance.application.access.create_service_user import create_service_user
from usance.application.access.issue_token import ClientCredentials, issue_token
from usance.application.access.known_callers import KnownCallers
from usance.application.access.verify_token import verify_token
from usance.application.ports.identity import Proof
from usance.application.ports.tokens import TokenCodec
from usance.bootstrap import stores
from usance.domain.access import Caller
from usance.domain.kernel.errors import UnsupportedGrantError
from usance.resources.wire import Document
from usance.settings import Settings

if TYPE_CHECKING:
    from usance.application.principals.sign_in import SignIn


@cache
def tokens() -> TokenCodec:
    """Signs and checks access tokens."""
    from usance.adapters.jwt_tokens import JwtTokens

    return JwtTokens(stores.secrets())


@cache
def _callers() -> KnownCallers:
    return KnownCallers(stores.entities(), stores.clock())


def exchange_credentials(credentials: ClientCredentials) -> Document:
    """See `issue_token`."""
    return issue_token(stores.entities(), tokens(), stores.clock(), credentials)


@cache
def _desk() -> "SignIn":
    settings = Settings()
    if not settings.oidc_issuer:
        raise UnsupportedGrantError("people do not sign in here: the deployment has no parameter OidcIssuer")
    from usance.adapters.openid import OpenIdProvider
    from usance.application.principals.sign_in import SignIn
    from usance.bootstrap.configuration import build_entity_ports

    provider = OpenIdProvider(settings.oidc_issuer, settings.oidc_audience, trusted=settings.oidc_trusted)
    return SignIn(build_entity_ports(), tokens(), provider, settings.support_emails)


def exchange_proof(proof: Proof, org_id: str, invitation_id: str | None) -> Document:
    """See `sign_in`. `UnsupportedGrantError` when the deployment has no identity provider."""
    desk = _desk()
    from usance.application.principals.sign_in import sign_in  # people sign in seldom, programs all the time

    return sign_in(desk, proof, org_id, invitation_id)


def identify(token: str) -> Caller:
    """See `verify_token`."""
    return verify_token(_callers(), tokens(), stores.clock(), token)


def new_organization(name: str) -> str:
    """See `create_organization`."""
    return create_organization(stores.entities(), stores.clock(), stores.ids(), name=name)


def new_service_user(org_id: str, name: str, policies: list[str]) -> str:
    """See `create_service_user`."""
    return create_service_user(
        stores.entities(), stores.clock(), stores.ids(), org_id=org_id, name=name, policies=policies
    )


def new_access_key(org_id: str, service_user_id: str) -> AccessKey:
    """See `create_access_key`."""
    return create_access_key(
        stores.entities(),
        stores.clock(),
        stores.ids(),
        stores.secrets(),
        org_id=org_id,
        service_user_id=service_user_id,
    )
