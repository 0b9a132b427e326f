"""Secrets of the deployment: one generated key, from which the signing key and the sealing key are derived."""

import base64
import hashlib
import hmac
import secrets
from contextlib import suppress
from functools import cache, cached_property
from typing import Any, Final

from usance.domain.kernel.errors import UnavailableError
from usance.resources import wire

_NONCE_BYTES: Final = 12  # AES-GCM
_KEY_BYTES: Final = 32
_FORMAT: Final = "v1:"  # what a sealed text starts with, so that another cipher can follow


class KeySealing:
    """`Sealing` by AES-256-GCM under the first key; the others open too."""

    def __init__(self, *keys: bytes) -> None:
        self._keys = keys

    def seal(self, plain: str, *, context: str) -> str:
        """See the port; the same text seals differently each time."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = _cipher(self._keys[0]).encrypt(nonce, plain.encode(), context.encode())
        return _FORMAT + base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, *, context: str) -> str:
        """See the port."""
        from cryptography.exceptions import InvalidTag

        raw = base64.b64decode(sealed.removeprefix(_FORMAT))
        for key in self._keys:
            with suppress(InvalidTag):
                plain = _cipher(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode())
                return str(plain, "utf-8")
        raise ValueError("the text was altered, sealed by another key, or is of another context")


class ManagedSecrets:
    """`Secrets` over one Secrets Manager secret, `{"signing_key": ..., "previous_keys": [...]}`, read once per process.

    Earlier keys (none by default) open what was sealed by them; they sign and seal nothing.
    """

    def __init__(self, client: Any, secret_arn: str) -> None:
        self._client = client
        self._secret_arn = secret_arn

    def signing_key(self) -> bytes:
        """The key of access tokens, 32 bytes."""
        return self._derived(b"usance access tokens")

    def report_key(self) -> bytes:
        """The key of signed reports, 32 bytes."""
        return self._derived(b"usance signed reports")

    def fresh(self) -> str:
        """256 random bits as 43 letters, digits, `-` and `_`."""
        return secrets.token_urlsafe(_KEY_BYTES)

    def seal(self, plain: str, *, context: str) -> str:
        """Encrypt by the present key; the same text seals differently each time."""
        return KeySealing(*self._keys).seal(plain, context=context)

    def open(self, sealed: str, *, context: str) -> str:
        """Decrypt; raises when the text was altered or sealed for another context."""
        return KeySealing(*self._keys).open(sealed, context=context)

    @cached_property
    def _keys(self) -> list[bytes]:
        """The present key, and the earlier ones behind it."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._client.get_secret_value(SecretId=self._secret_arn)
        except (BotoCoreError, ClientError) as fault:
            raise UnavailableError("the deployment's secret cannot be read; repeat the request") from fault
        secret = wire.loads(answer["SecretString"])
        keys = [str(key).encode() for key in (secret["signing_key"], *secret.get("previous_keys", ()))]
        if min(map(len, keys)) < _KEY_BYTES:
            raise LookupError(f"a key of the deployment's secret is shorter than {_KEY_BYTES} bytes")
        return keys

    def _derived(self, purpose: bytes) -> bytes:
        return _derived(self._keys[0], purpose)


@cache
def _cipher(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # costs an import; only sealing needs it

    return AESGCM(_derived(key, b"usance sealed text"))


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.new(key, purpose, hashlib.sha256).digest()
