"""E-mail through Amazon SES."""

from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from usance.adapters.faults import passes
from usance.domain.kernel.errors import InvalidInputError, UnavailableError

_PAUSED: Final = "SendingPausedException"  # by the account's owner, or by SES until complaints are answered


class SesMailer:
    """`Mailer` from one address, which SES must know as a verified identity."""

    def __init__(self, client: Any, sender: str) -> None:
        self._client = client
        self._sender = sender

    def send(self, to: str, subject: str, text: str) -> None:
        """See the port."""
        content = {"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": text}}}}
        try:
            self._client.send_email(FromEmailAddress=self._sender, Destination={"ToAddresses": [to]}, Content=content)
        except ClientError as refused:
            code = refused.response["Error"]["Code"]
            if code == _PAUSED or passes(refused):
                raise UnavailableError("e-mail cannot be sent now; repeat the request") from refused
            raise InvalidInputError(f"the e-mail to {to} was refused: {code}") from refused
        except BotoCoreError as unreached:
            raise UnavailableError("e-mail cannot be sent now; repeat the request") from unreached
