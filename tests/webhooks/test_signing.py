"""T5.6, T5.9: the reference implementation is the judge of our signatures."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from webhooks import signing

BODY = b'{"type":"request.approve"}'


def signed(*with_secrets: str, age: timedelta = timedelta()) -> dict[str, str]:
    moment = datetime.now(tz=UTC) - age
    return signing.headers(
        with_secrets, message_id="msg_1", timestamp=int(moment.timestamp()), body=BODY
    )


def test_the_reference_verifier_accepts():
    secret = signing.new_secret()
    assert Webhook(secret).verify(BODY, signed(secret)) == {"type": "request.approve"}


@pytest.mark.parametrize("place", range(len(BODY)))
def test_one_altered_byte_is_refused(place):
    secret = signing.new_secret()
    altered = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(altered, signed(secret))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_an_altered_header_is_refused(name):
    secret = signing.new_secret()
    headers = signed(secret)
    headers[name] = headers[name][:-1] + ("1" if headers[name][-1] != "1" else "2")
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers)


def test_six_minutes_are_too_old():
    secret = signing.new_secret()
    Webhook(secret).verify(BODY, signed(secret, age=timedelta(minutes=4)))
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, signed(secret, age=timedelta(minutes=6)))


def test_two_secrets_make_two_signatures_and_either_is_enough():
    new, old = signing.new_secret(), signing.new_secret()
    headers = signed(new, old)
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (new, old):
        Webhook(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.new_secret()).verify(BODY, headers)


def test_a_secret_has_32_random_bytes():
    made = {signing.new_secret() for _ in range(50)}
    assert len(made) == 50
    assert all(len(base64.b64decode(one.removeprefix("whsec_"))) == 32 for one in made)


@given(body=st.text(st.characters(codec="utf-8")), message_id=st.from_regex(r"msg_[a-z0-9]{1,32}"))
def test_we_sign_as_the_reference_does(body, message_id):
    secret, moment = signing.new_secret(), datetime(2026, 11, 24, 9, 12, tzinfo=UTC)
    ours = signing.signature(
        secret, message_id=message_id, timestamp=int(moment.timestamp()), body=body.encode()
    )
    assert ours == Webhook(secret).sign(message_id, moment, body)
