"""What the deployment's secret protects."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from usance.adapters.secrets import ManagedSecrets
from usance.domain.kernel.errors import UnavailableError


@dataclass
class FakeSecretsManager:
    text: str = field(default_factory=lambda: json.dumps({"signing_key": "s" * 64}))
    reads: int = 0
    broken: bool = False

    def get_secret_value(self, **_: Any) -> dict[str, str]:
        if self.broken:
            raise ClientError({"Error": {"Code": "InternalServiceError"}}, "GetSecretValue")
        self.reads += 1
        return {"SecretString": self.text}


def test_what_was_sealed_opens_in_its_context_alone() -> None:
    secrets = ManagedSecrets(FakeSecretsManager(), "arn")
    sealed = secrets.seal("hush ü", context="webhook-1")
    assert "hush" not in sealed
    assert secrets.seal("hush ü", context="webhook-1") != sealed
    assert secrets.open(sealed, context="webhook-1") == "hush ü"
    with pytest.raises(ValueError, match="altered"):
        secrets.open(sealed, context="webhook-2")
    with pytest.raises(ValueError, match="altered"):
        secrets.open(sealed[:-4] + "AAA=", context="webhook-1")


def test_another_deployment_opens_nothing() -> None:
    sealed = ManagedSecrets(FakeSecretsManager(), "arn").seal("hush", context="c")
    other = ManagedSecrets(FakeSecretsManager(json.dumps({"signing_key": "t" * 64})), "arn")
    with pytest.raises(ValueError, match="altered"):
        other.open(sealed, context="c")


def test_what_an_earlier_key_sealed_opens_while_that_is_kept() -> None:
    old = ManagedSecrets(FakeSecretsManager(), "arn")
    kept = json.dumps({"signing_key": "t" * 64, "previous_keys": ["u" * 64, "s" * 64]})
    new = ManagedSecrets(FakeSecretsManager(kept), "arn")
    assert new.open(old.seal("hush", context="c"), context="c") == "hush"
    assert new.signing_key() != old.signing_key()
    with pytest.raises(ValueError, match="altered"):
        new.open(old.seal("hush", context="c"), context="d")
    with pytest.raises(ValueError, match="altered"):
        old.open(new.seal("hush", context="c"), context="c")


def test_the_secret_is_read_once_and_its_keys_differ() -> None:
    manager = FakeSecretsManager()
    secrets = ManagedSecrets(manager, "arn")
    assert len(secrets.signing_key()) == 32
    assert secrets.signing_key() == secrets.signing_key() != b"s" * 64
    secrets.seal("x", context="c")
    assert manager.reads == 1


def test_fresh_secrets_are_long_and_new() -> None:
    secrets = ManagedSecrets(FakeSecretsManager(), "arn")
    made = {secrets.fresh() for _ in range(100)}
    assert len(made) == 100
    assert min(map(len, made)) >= 43


def test_a_short_or_unreadable_secret_is_refused() -> None:
    with pytest.raises(LookupError):
        ManagedSecrets(FakeSecretsManager('{"signing_key": "short"}'), "arn").signing_key()
    short = json.dumps({"signing_key": "s" * 64, "previous_keys": ["short"]})
    with pytest.raises(LookupError):
        ManagedSecrets(FakeSecretsManager(short), "arn").signing_key()
    with pytest.raises(UnavailableError):
        ManagedSecrets(FakeSecretsManager(broken=True), "arn").signing_key()
