"""What the issuer's answer must be: signed by it, for us, for this sign-in, of now, and strong enough."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts import id_token
from accounts.id_token import ALGORITHMS, Expected, NotTheAnswer
from audit.models import Event, Outcome
from config.env import ConfigurationError, read
from config.oidc import Oidc
from tests.accounts import crooked_issuer as crooked
from tests.accounts.test_single_sign_on import INES, asked, come_back, connected, is_in

pytestmark = [pytest.mark.usefixtures("db"), pytest.mark.worker]

SAID = {
    "issuer": "The answer is from another issuer.",
    "audience": "The answer is meant for another application.",
    "expired": "The answer is too old.",
    "too-early": "The clocks here and there do not agree.",
    "incomplete": "The answer lacks something it must say.",
    "signature": "The answer is not signed by the issuer.",
    "nonce": "The answer belongs to another sign-in.",
    "strength": "You did not sign in there as strongly as is needed here.",
    "age": "You signed in there too long ago.",
}


@pytest.fixture(scope="module")
def running() -> Iterator[crooked.Crooked]:
    with crooked.running([INES]) as one:
        yield one


@pytest.fixture
def issuer(running, settings, cast):
    """Set up with what a test wants of it; whoever it names is connected."""
    running.straighten()

    def set_it_up(**wanted: object) -> crooked.Crooked:
        oidc = Oidc("Our directory", running.address, "queue", "secret", False, **wanted)
        settings.SOCIALACCOUNT_PROVIDERS = oidc.providers
        return running

    connected("idp-ines", cast.approver)
    set_it_up()
    running.set_it_up = set_it_up
    return running


def tried() -> tuple[bool, str]:
    """Whether somebody is let in, and the page that they see."""
    client = Client()
    page = come_back(client, asked(client), "idp-ines").content.decode()
    return is_in(client), page


def refused_as(code: str) -> None:
    is_let_in, page = tried()
    assert not is_let_in
    assert SAID[code] in page
    event = Event.objects.filter(action="person.sign_in").latest("id")
    assert (event.outcome, event.reason_code) == (Outcome.DENIED, f"sso-{code}")


def said_now(claims: dict) -> dict:
    """Times that are so far from now, as they are when the test runs and not when it was collected."""
    return {
        name: crooked.now() + int(value.total_seconds()) if isinstance(value, timedelta) else value
        for name, value in claims.items()
    }


def test_what_the_provider_says_by_itself_is_taken(issuer):
    assert tried()[0]


def test_each_sign_in_is_asked_with_a_nonce_of_its_own(issuer):
    first, second = (parse_qs(urlsplit(asked(Client())).query)["nonce"][0] for _ in range(2))
    assert first != second
    assert len(first) >= 40


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"nonce": "of another sign-in"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "another"}, "audience"),
        ({"aud": ["queue", "another"]}, "audience"),
        ({"azp": "another"}, "audience"),
        ({"aud": None}, "incomplete"),
        ({"iss": "https://id.example"}, "issuer"),
        ({"iss": None}, "incomplete"),
        ({"exp": timedelta(seconds=-120)}, "expired"),
        ({"exp": None}, "incomplete"),
        ({"iat": timedelta(seconds=900)}, "too-early"),
        ({"sub": None}, "incomplete"),
    ],
)
def test_a_wrong_claim_lets_nobody_in(issuer, change, code):
    def spoil(claims: dict) -> None:
        for name, value in said_now(change).items():
            claims.pop(name, None) if value is None else claims.update({name: value})

    issuer.spoil = spoil
    refused_as(code)


def test_the_same_application_named_twice_is_taken(issuer):
    issuer.spoil = lambda claims: claims.update(aud=["queue", "another"], azp="queue")
    assert tried()[0]


@pytest.mark.parametrize(
    "sign", [crooked.strangers_key, crooked.no_key, crooked.public_key_as_secret]
)
def test_only_the_issuers_signature_counts(issuer, sign):
    issuer.sign = sign
    refused_as("signature")


def test_no_secret_that_is_published_can_sign():
    assert not [name for name in ALGORITHMS if name.startswith("HS") or name == "none"]


def test_an_answer_without_a_token_lets_nobody_in(issuer):
    issuer.sign = lambda claims: ""
    refused_as("incomplete")


def test_two_people_in_one_answer_are_nobody(issuer):
    issuer.userinfo = {"sub": "somebody-else"}
    is_let_in, page = tried()
    assert not is_let_in
    assert "The issuer named two people in one answer." in page


@pytest.mark.parametrize(
    "document",
    [{"issuer": "https://id.example"}, {"issuer": None}, {"jwks_uri": "ftp://id.example/jwks"}],
)
def test_an_issuer_that_names_another_is_not_asked(issuer, document):
    issuer.document = document
    answer = Client().post("/accounts/oidc/sso/login/?process=login")
    assert answer.status_code == 502
    assert "The issuer " in answer.content.decode()


def test_the_button_cannot_be_made_to_ask_for_something_else(issuer):
    url = "/accounts/oidc/sso/login/?process=login&auth_params=nonce%3Dmine%26prompt%3Dnone&scope=admin"
    query = parse_qs(urlsplit(Client().post(url)["Location"]).query)
    assert query["nonce"] != ["mine"]
    assert "prompt" not in query
    assert "admin" not in query["scope"][0]


@pytest.mark.parametrize(
    ("wanted", "claims", "code"),
    [
        ({"acr_values": ["strong", "stronger"]}, {"acr": "stronger"}, None),
        ({"acr_values": ["strong"]}, {"acr": "weak"}, "strength"),
        ({"acr_values": ["strong"]}, {}, "strength"),
        ({"amr": ["otp", "hwk"]}, {"amr": ["pwd", "otp"]}, None),
        ({"amr": ["otp"]}, {"amr": ["pwd"]}, "strength"),
        ({"amr": ["otp"]}, {"amr": "otp"}, "strength"),
        ({"max_age_s": 300}, {"auth_time": timedelta(0)}, None),
        ({"max_age_s": 300}, {"auth_time": timedelta(hours=-1)}, "age"),
        ({"max_age_s": 300}, {}, "age"),
    ],
)
def test_how_they_signed_in_there_is_held_against_what_is_wanted(issuer, wanted, claims, code):
    issuer.set_it_up(**wanted)
    issuer.spoil = lambda said: (said.pop("auth_time", None), said.update(said_now(claims)))
    if code is None:
        assert tried()[0]
    else:
        refused_as(code)


def test_the_issuer_is_asked_for_what_is_wanted(issuer):
    issuer.set_it_up(acr_values=["strong", "stronger"], max_age_s=300)
    query = parse_qs(urlsplit(asked(Client())).query)
    assert query["acr_values"] == ["strong stronger"]
    assert query["max_age"] == ["300"]


def test_a_token_that_is_none_is_refused():
    expected = Expected("https://id.example", "queue", "n", 0.0, [], [], None)
    for text in ("", "a.b.c", "not a token", "é"):
        with pytest.raises(NotTheAnswer):
            id_token.read(text, {"keys": []}, expected)


def test_the_environment_says_what_is_wanted(tmp_path):
    environ = {
        "DATA_DIR": str(tmp_path),
        "OIDC_ISSUER": "https://id.example/",
        "OIDC_CLIENT_ID": "queue",
        "OIDC_CLIENT_SECRET": "s",
    }
    oidc = read(
        {**environ, "OIDC_ACR_VALUES": "a b", "OIDC_AMR": "otp", "OIDC_MAX_AGE_S": "60"}
    ).oidc
    assert (oidc.acr_values, oidc.amr, oidc.max_age_s) == (["a", "b"], ["otp"], 60)
    assert oidc.issuer == "https://id.example/"
    with pytest.raises(ConfigurationError, match="OIDC_MAX_AGE_S must be a whole number"):
        read({**environ, "OIDC_MAX_AGE_S": "soon"})
