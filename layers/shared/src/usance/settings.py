"""The environment, typed; read on demand and never at import."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Names of the deployment's parts. A function has only those that its work needs; asking for another raises."""

    @staticmethod
    def _require(name: str) -> str:
        value = os.environ.get(name, "")
        if not value:
            raise LookupError(f"the environment variable {name} is not set")
        return value

    @property
    def entities_table(self) -> str:
        """Table of configuration and billing entities."""
        return self._require("ENTITIES_TABLE")

    @property
    def usage_table(self) -> str:
        """Table of packed measurements."""
        return self._require("USAGE_TABLE")

    @property
    def events_table(self) -> str:
        """Table of events."""
        return self._require("EVENTS_TABLE")

    @property
    def documents_bucket(self) -> str:
        """Bucket of statements, exports and failed ingest."""
        return self._require("DOCUMENTS_BUCKET")

    @property
    def billing_queue_url(self) -> str:
        """Queue of accounts to bill."""
        return self._require("BILLING_QUEUE_URL")

    @property
    def statement_queue_url(self) -> str:
        """Queue of statements to make."""
        return self._require("STATEMENT_QUEUE_URL")

    @property
    def upload_queue_url(self) -> str:
        """Queue of uploaded files."""
        return self._require("UPLOAD_QUEUE_URL")

    @property
    def export_queue_url(self) -> str:
        """Queue of exports to make."""
        return self._require("EXPORT_QUEUE_URL")

    @property
    def export_identity_role(self) -> str:
        """Role whose sessions show Google Cloud which organization an export is for."""
        return self._require("EXPORT_IDENTITY_ROLE")

    @property
    def ingest_is_buffered(self) -> bool:
        """Whether requests of measurements go through a queue."""
        return os.environ.get("INGEST_MODE", "") == "buffered"

    @property
    def ingest_queue_url(self) -> str:
        """Queue of measurements that were accepted."""
        return self._require("INGEST_QUEUE_URL")

    @property
    def merge_queue_url(self) -> str:
        """Queue of small items to merge."""
        return self._require("MERGE_QUEUE_URL")

    @property
    def delivery_queue_url(self) -> str:
        """Queue of webhook deliveries."""
        return self._require("DELIVERY_QUEUE_URL")

    @property
    def integration_queue_url(self) -> str:
        """Queue of deliveries to external systems."""
        return self._require("INTEGRATION_QUEUE_URL")

    @property
    def secret_arn(self) -> str:
        """The deployment's secret: signing key and sealing key."""
        return self._require("SECRET_ARN")

    @property
    def oidc_issuer(self) -> str:
        """The OpenID Connect provider that people sign in at; empty without one."""
        return os.environ.get("OIDC_ISSUER", "")

    @property
    def oidc_audience(self) -> str:
        """The client that people sign in with at the provider."""
        return self._require("OIDC_AUDIENCE")

    @property
    def oidc_trusted(self) -> bool:
        """Whether the provider gives verified e-mail addresses alone, also where it does not say so."""
        return os.environ.get("OIDC_TRUSTED", "false") == "true"

    @property
    def support_emails(self) -> frozenset[str]:
        """E-mail addresses of those who give support to every organization that lets them in."""
        written = os.environ.get("SUPPORT_EMAILS", "").split(",")
        return frozenset(email.strip().lower() for email in written if email.strip())

    @property
    def mail_from(self) -> str:
        """The address that e-mail comes from; empty when none is sent."""
        return os.environ.get("MAIL_FROM", "")

    @property
    def api_url(self) -> str:
        """The address of the API; empty when it follows from each request."""
        return os.environ.get("API_URL", "").rstrip("/")

    @property
    def sign_in_url(self) -> str:
        """The page where people sign in."""
        return os.environ.get("SIGN_IN_URL", "")

    @property
    def webhook_allowed_hosts(self) -> frozenset[str]:
        """Hosts that webhooks and integrations may reach although their address is private."""
        return frozenset(host for host in os.environ.get("WEBHOOK_ALLOWED_HOSTS", "").split(",") if host)

    @property
    def delivery_dead_letter_queue_url(self) -> str:
        """Queue of deliveries that failed for good."""
        return self._require("DELIVERY_DEAD_LETTER_QUEUE_URL")

    @property
    def webhook_header_prefix(self) -> str:
        """What the names of a delivery's headers begin with; receivers of one product may share a convention."""
        return os.environ.get("WEBHOOK_HEADER_PREFIX", "") or "X-M3ter-"
