"""People are told by e-mail; what cannot be sent loses nothing (platform.md 3.3, 3.4)."""

from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from tests.fakes.organization import Organization
from usance.adapters.ses import SesMailer
from usance.application.principals.invite import Post
from usance.domain.kernel.errors import InvalidInputError, UnavailableError


@pytest.fixture
def org() -> Organization:
    return Organization()


def test_who_is_invited_is_told_where_to_sign_in(org: Organization) -> None:
    invitation = org.make("orgUserInvitation", email="ann@example.com", firstName="Ann", lastName="Lee")
    [(to, subject, text)] = org.mailer.sent
    assert (to, subject) == ("ann@example.com", "You are invited to Example")
    assert f"https://example.com/in?org={org.id}&invitation={invitation['id']}" in text
    assert "Ann Lee" in text
    assert "2026-02-14" in text


def test_an_invitation_stands_although_its_mail_is_not_sent_and_is_sent_again(org: Organization) -> None:
    org.mailer.refusals = [UnavailableError("later"), UnavailableError("later")]
    invitation = org.make("orgUserInvitation")
    assert org.unsent == [invitation["id"]]
    path = f"/invitations/{invitation['id']}/send"
    assert org.client.post(path).status == 503
    assert org.client.post(path).json == invitation
    assert len(org.mailer.sent) == 1


def test_an_invitation_that_is_over_is_not_sent_again(org: Organization) -> None:
    accepted, expired = org.make("orgUserInvitation"), org.make("orgUserInvitation")
    org.client.post(f"/invitations/{accepted['id']}/accept")
    assert "accepted" in org.client.post(f"/invitations/{accepted['id']}/send").message
    org.clock.instant += timedelta(days=31)
    assert "expired" in org.client.post(f"/invitations/{expired['id']}/send").message


def test_a_user_is_told_how_to_sign_in(org: Organization) -> None:
    user = org.make_user(email="bob@example.com")
    org.mailer.sent.clear()
    answer = org.client.put(f"/users/{user['id']}/password/resend")
    assert (answer.status, answer.json) == (200, {})
    [(to, subject, text)] = org.mailer.sent
    assert (to, subject) == ("bob@example.com", "Sign in to Example")
    assert f"https://example.com/in?org={org.id}" in text


def test_a_user_whose_access_has_ended_is_not_told(org: Organization) -> None:
    user = org.make_user()
    body = {"version": user["version"], "dtEndAccess": "2026-01-15T12:00:00Z"}
    assert org.client.put(f"/users/{user['id']}", body).status == 200
    assert org.client.put(f"/users/{user['id']}/password/resend").status == 400
    assert org.client.put(f"/users/{'x' * 36}/password/resend").status == 404


def test_a_deployment_without_e_mail_says_so_and_still_invites(org: Organization) -> None:
    org.post = Post(None, "", lambda *_: None)
    invitation = org.make("orgUserInvitation")
    answer = org.client.post(f"/invitations/{invitation['id']}/send")
    assert (answer.status, "MailFrom" in answer.message) == (400, True)


def fault_of(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "SendEmail")  # type: ignore[typeddict-item]


class TestSes:
    def test_a_message_goes_out_as_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
        with mock_aws():
            client = boto3.client("sesv2", region_name="us-east-1")
            client.create_email_identity(EmailIdentity="billing@example.com")
            SesMailer(client, "billing@example.com").send("ann@example.com", "Hello", "Grüße")
            with pytest.raises(InvalidInputError, match="MessageRejected"):
                SesMailer(client, "nobody@example.org").send("ann@example.com", "Hello", "Text")

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (fault_of("TooManyRequestsException", 429), UnavailableError),
            (fault_of("Internal", 500), UnavailableError),
            (fault_of("MessageRejected", 400), InvalidInputError),
            (EndpointConnectionError(endpoint_url="x"), UnavailableError),
        ],
    )
    def test_what_may_work_later_is_told_from_what_will_not(self, fault: Exception, error: type[Exception]) -> None:
        class Client:
            def send_email(self, **_: Any) -> None:
                raise fault

        with pytest.raises(error):
            SesMailer(Client(), "a@example.com").send("b@example.com", "s", "t")
