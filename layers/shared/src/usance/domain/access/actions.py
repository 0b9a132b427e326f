"""What a caller can ask to do (platform.md 4.1), in the spelling that policies are written in."""

from enum import StrEnum


class Action(StrEnum):
    """An action `service:verb`; the API also writes it as the name of the member."""

    CONFIG_CREATE = "config:create"
    CONFIG_RETRIEVE = "config:retrieve"
    CONFIG_UPDATE = "config:update"
    CONFIG_DELETE = "config:delete"
    CONFIG_EXPORT = "config:export"
    ANALYTICS_QUERY = "analytics:query"
    MEASUREMENTS_UPLOAD = "measurements:upload"
    MEASUREMENTS_FILEUPLOAD = "measurements:fileUpload"
    MEASUREMENTS_RETRIEVE = "measurements:retrieve"
    MEASUREMENTS_EXPORT = "measurements:export"
    FORECAST_RETRIEVE = "forecast:retrieve"
    HEALTHSCORES_RETRIEVE = "healthscores:retrieve"
    ANOMALIES_RETRIEVE = "anomalies:retrieve"
    EXPORTS_DOWNLOAD = "exports:download"
    MARKETPLACE_USAGE_CREATE = "marketplace:usage_create"
    MARKETPLACE_USAGE_RETRIEVE = "marketplace:usage_retrieve"
    AUDIT_RETRIEVE = "audit:retrieve"
