"""What a provider said is kept without secrets (T2.9), and without what a kind calls private."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals import kinds
from approvals.kinds.account_change import AccountChange
from approvals.kinds.base import Done, Unknown
from approvals.kinds.evidence import LONGEST, kept, masked
from audit import masking


@pytest.mark.parametrize(
    "secret",
    [
        "sk_live_abcdef123456",
        "rk_test_abcdef123456",
        "pk_live_abcdef123456",
        "whsec_abcdef123456",
        "aq_abcdef123456",
        "sk_live_51HxAbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
        "rk_live_51HxAbCdEf",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw+/=",
        "pi_3MtwBw_secret_YrKJUKribcBjcG8HVhfZluoGH",
        "seti_1Mm8s8_secret_NXDICKPbM2",
        "Basic c2tfbGl2ZV9hYmM6",
        "Bearer: abcdef",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP",
        "Bearer eyJhbGciOi.J9.x",
        "bearer abc",
    ],
)
def test_keys_are_hidden(secret):
    """T2.9."""
    assert masked(f"key {secret} refused") == "key [secret] refused"


@pytest.mark.parametrize(
    "card",
    [
        "4242424242424242",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "4242.4242.4242.4242",
        "4242\u00a04242\u00a04242\u00a04242",
        "3782 822463 10005",
        "42424242424242421225",
        "378282246310005",
        "6304000000000000000",
    ],
)
def test_card_numbers_are_hidden_but_for_their_last_digits(card):
    """T2.9."""
    assert masked(f"card {card} declined") == f"card [card ..{card[-4:]}] declined"


@pytest.mark.parametrize(
    "around", ['{{"number":"{}"}}', "number={}&", "card_{}", "n{}", "{}.", "({})"]
)
def test_card_numbers_are_hidden_wherever_they_stand(around):
    """T2.9."""
    assert "424242424242" not in masked(around.format("4242424242424242"))


@pytest.mark.parametrize(
    "account",
    [
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "DE89-3704-0044-0532-0130-00",
        "de89370400440532013000",
        "GB29NWBK60161331926819",
        "GB29 NWBK 6016 1331 9268 19",
        "NL91ABNA0417164300",
        "FR14 2004 1010 0505 0001 3M02 606",
    ],
)
def test_account_numbers_are_hidden(account):
    """T2.9."""

    def plain(text: str) -> str:
        return text.replace(" ", "").replace("-", "")

    assert plain(account)[6:-4] not in plain(masked(f"to {account} failed"))


@pytest.mark.parametrize(
    "kept", ["re_1N2x", "pi_88120", "RF-2041", "EUR 1,240.00", "2026-11-24", "2026-11-24T09:12:00Z"]
)
def test_what_helps_stays(kept):
    assert masked(kept) == kept


@pytest.mark.parametrize("name", ["STRIPE_API_KEY", "ACCOUNT_SERVICE_SECRET"])
def test_our_own_secrets_are_hidden_whatever_they_look_like(settings, name):
    """T2.9: a provider that sends back what it was sent."""
    setattr(settings, name, "correct horse")
    assert masked("Wrong: correct horse.") == "Wrong: [secret]."


def test_a_password_in_an_address_is_hidden():
    assert masked("https://user:hunter22@host/x") == "https://[secret]@host/x"


def test_long_evidence_is_cut():
    assert len(masked("x" * 70_000)) == LONGEST


def test_a_secret_at_the_cut_is_hidden_first():
    assert "sk_live" not in masked("x" * (LONGEST - 12) + " sk_live_abcdef123456")


def test_evidence_can_be_stored():
    assert "\x00" not in masked("a\x00b")


@given(text=st.text(), digits=st.text("0123456789", min_size=13, max_size=19))
def test_no_card_number_stands_in_evidence(text, digits):
    assert digits not in masked(f"{text} {digits} {text}")


# --- What kinds declare -----------------------------------------------------------------------------

CHANGE = {"account": "acct_5498", "change": "email", "to": "zoë@example.test"}


@pytest.mark.parametrize(
    "written", ["zoë@example.test", "zo\\u00eb@example.test", "zo%C3%AB%40example.test"]
)
def test_a_private_fact_is_kept_only_so_far_that_it_can_be_told_apart(written):
    said = kept(f"HTTP 200: to {written}, acct_5498", AccountChange(), CHANGE)
    assert said == "HTTP 200: to z…@example.test, acct_5498"


def test_no_private_fact_of_an_answer_reaches_a_page(client, cast, monkeypatch):
    item = cast.approve(cast.ask_for_account_change(), by=cast.operator)
    said = "HTTP 200: new@example.test is now the address."
    monkeypatch.setattr(AccountChange, "send", lambda self, effect: Done("c-1", said))
    assert cast.run(item) == "done"
    client.force_login(cast.operator)
    for address in (f"/requests/{item.ref}/", f"/requests/{item.ref}/attempts/1/"):
        page = client.get(address).content.decode()
        assert "n…@example.test" in page
        assert "new@example.test" not in page


def test_facts_that_cannot_be_read_lose_no_outcome(cast, monkeypatch):
    item = cast.approve(cast.ask_for_account_change(), by=cast.operator)
    monkeypatch.setattr(AccountChange, "send", lambda self, effect: Done("c-1", "new@example.test"))
    monkeypatch.setattr(AccountChange, "facts", lambda self, payload: payload["gone"])
    assert cast.run(item) == "done"
    evidence = item.effect.tries.get().evidence
    assert evidence == "Not kept: its private facts could not be read (KeyError)."


@pytest.mark.parametrize("result", [Done("c-1", None), Done(None), Unknown("no-answer", b"")])
def test_a_result_without_words_is_a_doubt(cast, monkeypatch, result):
    item = cast.approve(cast.ask_for_account_change(), by=cast.operator)
    monkeypatch.setattr(AccountChange, "send", lambda self, effect: result)
    assert cast.run(item) == "in doubt"


def test_the_secrets_of_every_kind_are_hidden(monkeypatch):
    monkeypatch.setattr(AccountChange, "secrets", lambda self: ["horse-battery", "horse-battery-2"])
    assert "horse-battery-2" in kinds.secrets()
    assert masked("key horse-battery-2 refused") == "key [secret] refused"


def test_what_is_to_be_hidden_is_hidden_in_every_text():
    masking.hide(["staple-of-one-test"])
    assert masking.masked("key staple-of-one-test") == "key [secret]"
