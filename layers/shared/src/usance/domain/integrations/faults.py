"""Why an external system did not do what was asked, in words that mean the same for all of them."""

from datetime import timedelta

from usance.domain.notifications.delivery import Fault


class ConnectorError(Exception):
    """An attempt that failed. `fault` decides what becomes of the run; `detail` is for people and holds no secret.

    `retry_after` is what the system asked for, of `Fault.RATE_LIMITED` and `Fault.PASSING`.
    """

    def __init__(self, fault: Fault, detail: str, retry_after: timedelta | None = None) -> None:
        super().__init__(f"{fault.value}: {detail}")
        self.fault = fault
        self.detail = detail
        self.retry_after = retry_after
