"""What providers answer, and what we make of it (the outcome table, mechanisms §2)."""

import socket
import ssl
import threading
from types import SimpleNamespace

import httpx
import pytest
import requests
import stripe
from hypothesis import given
from hypothesis import strategies as st

from approvals import kinds
from approvals.kinds import account_change, refund
from approvals.kinds.account_change import AccountChange
from approvals.kinds.base import Absent, Done, Effect, Refused, Unknown
from approvals.kinds.evidence import LONGEST, masked
from approvals.kinds.manual import Manual
from approvals.kinds.refund import Refund
from approvals.refusals import Invalid

REFUND = Effect(
    id="aq-RF-1-abc",
    key="aq-RF-1-abc",
    ref="RF-1",
    payload={
        "order": "O-1",
        "payment": "pi_1",
        "amount": 8800,
        "currency": "EUR",
        "reason_code": "duplicate",
    },
    reason="Lost.",
)
CHANGE = Effect(
    id="aq-AC-1-abc",
    key="aq-AC-1-abc",
    ref="AC-1",
    payload={"account": "acct_1", "change": "email", "to": "new@example.test"},
    reason="Asked.",
)


# --- Every kind -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", kinds.all_kinds().values(), ids=lambda kind: kind.slug)
def test_a_kind_says_everything_that_people_read(kind):
    assert all([kind.slug, kind.prefix, kind.label, kind.description, kind.system])


def test_kinds_have_different_prefixes():
    found = kinds.all_kinds().values()
    assert len({kind.prefix for kind in found}) == len(found)


def test_an_unknown_kind_is_a_key_error():
    with pytest.raises(KeyError):
        kinds.kind_of("loan")


def test_work_by_hand_is_for_a_person():
    assert Manual().send(REFUND) == Refused("by-hand", permanent=True)


# --- Refunds: a fake client -----------------------------------------------------------------------


class Stripe:
    """The parts of the client that are used. `answer` is returned, or raised if it is an error."""

    def __init__(self, answer: object = None, listed: list | None = None) -> None:
        self.answer, self.listed = answer, listed or []
        self.calls: list[tuple] = []
        self.v1 = SimpleNamespace(refunds=self, payment_intents=self, charges=self)

    def _give(self, value: object) -> object:
        if isinstance(self.answer, Exception):
            raise self.answer
        return value

    def create(self, asked: dict, options: dict) -> object:
        self.calls.append((asked, options))
        return self._give(self.answer)

    def list(self, asked: dict) -> object:
        self.calls.append((asked,))
        listed = SimpleNamespace(auto_paging_iter=lambda: iter(self.listed))
        return self._give(listed)

    def retrieve(self, payment: str) -> object:
        return self._give(self.answer)


@pytest.fixture
def stripe_says(monkeypatch, settings):
    settings.STRIPE_API_KEY = "sk_test_1"

    def say(answer: object = None, listed: list | None = None) -> Stripe:
        fake = Stripe(answer, listed)
        monkeypatch.setattr(refund, "_client", lambda: fake)
        return fake

    return say


def made(status: str | None, identity: str = "re_1", mark: str = REFUND.id) -> stripe.Refund:
    values = {"id": identity, "status": status, "metadata": {refund.MARK: mark}, "amount": 8800}
    return stripe.Refund.construct_from(values, "sk_test_1")


def error(kind: type[stripe.StripeError], status: int, code: str = "", headers=None):
    if kind in (stripe.CardError, stripe.InvalidRequestError):
        return kind("No.", "param", code or None, http_status=status, headers=headers)
    return kind("No.", http_status=status, code=code or None, headers=headers)


@pytest.mark.parametrize(
    ("status", "seen"),
    [
        ("succeeded", Done),
        ("pending", Unknown),
        ("requires_action", Unknown),
        ("failed", Refused),
        ("canceled", Refused),
        ("something new", Unknown),
        (None, Unknown),
    ],
)
def test_only_a_refund_that_succeeded_is_done(stripe_says, status, seen):
    """I10."""
    stripe_says(made(status))
    assert type(Refund().send(REFUND)) is seen


def test_a_refund_that_is_done_has_the_providers_reference(stripe_says):
    stripe_says(made("succeeded"))
    assert Refund().send(REFUND).reference == "re_1"


def test_a_refund_that_failed_later_is_refused_for_good(stripe_says):
    """T2.5."""
    stripe_says(made("failed"))
    assert Refund().send(REFUND).permanent


def test_a_refund_without_a_number_is_not_understood(stripe_says):
    stripe_says(made("succeeded", identity=""))
    assert Refund().send(REFUND).cause == "unreadable-answer"


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (error(stripe.RateLimitError, 429), "too-many-requests"),
        (error(stripe.APIError, 409), "provider-busy"),
        (error(stripe.InvalidRequestError, 409, "lock_timeout"), "provider-busy"),
        (error(stripe.AuthenticationError, 401), "credentials-refused"),
        (error(stripe.PermissionError, 403), "credentials-refused"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_was_not_decided_is_tried_again(stripe_says, answer, cause):
    stripe_says(answer)
    seen = Refund().send(REFUND)
    assert (type(seen), seen.cause, seen.permanent) == (Refused, cause, False)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (error(stripe.IdempotencyError, 400), "key-mismatch"),
        (error(stripe.IdempotencyError, 409), "key-mismatch"),
        (error(stripe.InvalidRequestError, 400, "charge_already_refunded"), "already-refunded"),
        (error(stripe.InvalidRequestError, 400, "amount_too_large"), "amount-above-payment"),
        (error(stripe.InvalidRequestError, 404, "resource_missing"), "payment-not-found"),
        (error(stripe.InvalidRequestError, 400, "charge_disputed"), "payment-disputed"),
        (error(stripe.CardError, 402, "card_declined"), "card-declined"),
        (error(stripe.InvalidRequestError, 400), "refused-by-provider"),
        (error(stripe.InvalidRequestError, 400, "brand_new"), "refused-by-provider"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_was_refused_for_good_is_not_tried_again(stripe_says, answer, cause):
    stripe_says(answer)
    seen = Refund().send(REFUND)
    assert (type(seen), seen.cause, seen.permanent) == (Refused, cause, True)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_error_on_the_providers_side_may_have_done_it(stripe_says, status):
    stripe_says(error(stripe.APIError, status))
    seen = Refund().send(REFUND)
    assert (type(seen), seen.cause) == (Unknown, "provider-error")


@pytest.mark.parametrize("status", [200, 302])
def test_an_answer_that_is_no_answer_may_have_done_it(stripe_says, status):
    stripe_says(error(stripe.APIError, status))
    assert type(Refund().send(REFUND)) is Unknown


def lost(cause: Exception) -> stripe.APIConnectionError:
    failure = stripe.APIConnectionError("Lost.")
    failure.__cause__ = cause
    return failure


@pytest.mark.parametrize(
    "cause",
    [
        requests.exceptions.ConnectTimeout("slow"),
        requests.exceptions.ConnectionError("NewConnectionError: refused"),
        requests.exceptions.ConnectionError("NameResolutionError: no such host"),
    ],
    ids=repr,
)
def test_without_a_connection_nothing_was_sent(stripe_says, cause):
    stripe_says(lost(cause))
    seen = Refund().send(REFUND)
    assert (type(seen), seen.cause, seen.permanent) == (Refused, "not-reached", False)


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (requests.exceptions.ReadTimeout("slow"), "no-answer"),
        (requests.exceptions.ConnectionError("Connection reset by peer"), "connection-lost"),
        (requests.exceptions.ChunkedEncodingError("cut"), "connection-lost"),
        (None, "connection-lost"),
    ],
    ids=repr,
)
def test_after_a_connection_it_may_have_been_done(stripe_says, cause, code):
    stripe_says(lost(cause))
    seen = Refund().send(REFUND)
    assert (type(seen), seen.cause) == (Unknown, code)


def test_an_encrypted_connection_that_breaks_after_sending_may_have_done_it(stripe_says):
    """I1, I10: requests reports a broken answer as SSLError, too; only a handshake proves it."""
    import ssl

    from urllib3.exceptions import MaxRetryError
    from urllib3.exceptions import SSLError as Urllib3SSLError

    cut = ssl.SSLError(1, "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] bad record mac")
    wrapped = MaxRetryError(None, "/v1/refunds", Urllib3SSLError(cut))
    stripe_says(lost(requests.exceptions.SSLError(wrapped)))
    assert type(Refund().send(REFUND)) is Unknown


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("\u0667", None),
    ],
)
def test_the_providers_wish_to_wait_is_read(stripe_says, value, seconds):
    stripe_says(error(stripe.RateLimitError, 429, headers={"Retry-After": value}))
    assert Refund().send(REFUND).retry_after_s == seconds


def test_the_key_of_the_effect_goes_to_the_provider(stripe_says):
    """T2.1."""
    fake = stripe_says(made("succeeded"))
    Refund().send(REFUND)
    assert fake.calls[0][1] == {"idempotency_key": REFUND.key}


def test_what_was_approved_is_what_is_sent(stripe_says):
    """I2."""
    fake = stripe_says(made("succeeded"))
    Refund().send(REFUND)
    assert fake.calls[0][0] == {
        "payment_intent": "pi_1",
        "amount": 8800,
        "reason": "duplicate",
        "metadata": {"approval_queue_effect_id": REFUND.id, "approval_queue_ref": "RF-1"},
    }


@pytest.mark.parametrize("payment", ["ch_1", "py_1"])
def test_a_charge_is_sent_as_a_charge(stripe_says, payment):
    fake = stripe_says(made("succeeded"))
    effect = Effect(**{**vars(REFUND), "payload": {**REFUND.payload, "payment": payment}})
    Refund().send(effect)
    assert fake.calls[0][0]["charge"] == payment


def test_without_a_key_nothing_is_sent(settings):
    settings.STRIPE_API_KEY = ""
    assert Refund().send(REFUND) == Refused("not-configured", permanent=False)


def test_a_refund_with_our_mark_is_found(stripe_says):
    """T2.2."""
    stripe_says(listed=[made("succeeded", "re_0", "other"), made("succeeded", "re_1")])
    assert Refund().look_up(REFUND).reference == "re_1"


def test_refunds_of_others_prove_nothing_was_sent(stripe_says):
    stripe_says(listed=[made("succeeded", "re_0", "other")])
    assert type(Refund().look_up(REFUND)) is Absent


WITHOUT = {"id": "re_0", "status": "succeeded", "amount": 100}


@pytest.mark.parametrize("metadata", [None, {}, {"order": "7"}], ids=str)
def test_a_refund_without_any_mark_is_not_ours(stripe_says, metadata):
    found = stripe.Refund.construct_from({**WITHOUT, "metadata": metadata}, "sk_test_1")
    stripe_says(listed=[found])
    assert type(Refund().look_up(REFUND)) is Absent


@pytest.mark.parametrize(
    "answer",
    [
        error(stripe.RateLimitError, 429),
        error(stripe.InvalidRequestError, 404, "resource_missing"),
        error(stripe.AuthenticationError, 401),
        error(stripe.APIError, 500),
        lost(requests.exceptions.ConnectTimeout("slow")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_question_that_failed_proves_nothing(stripe_says, answer):
    """I10."""
    stripe_says(answer)
    assert type(Refund().look_up(REFUND)) is Unknown


def test_asking_sends_nothing(stripe_says):
    fake = stripe_says()
    Refund().look_up(REFUND)
    assert all(len(call) == 1 for call in fake.calls)


# --- Refunds: before asking -----------------------------------------------------------------------


def paid(amount: int, currency: str = "eur") -> SimpleNamespace:
    return SimpleNamespace(amount_received=amount, amount_captured=amount, currency=currency)


def test_a_payment_is_looked_at_before_it_is_asked_for(stripe_says):
    stripe_says(paid(10_000))
    assert [(fact.label, fact.value) for fact in Refund().examine(REFUND.payload)] == [
        ("Paid", "EUR 100.00"),
        ("Refunded before", "EUR 0.00"),
        ("Refunded after", "EUR 88.00"),
    ]


def test_more_than_what_is_left_is_refused_before_it_is_asked_for(stripe_says):
    """T2.7."""
    stripe_says(paid(10_000), listed=[made("succeeded", mark="other")])
    with pytest.raises(Invalid) as caught:
        Refund().examine(REFUND.payload)
    assert "EUR 12.00" in caught.value.errors["amount"]


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_refunds_that_failed_do_not_count(stripe_says, status):
    stripe_says(paid(10_000), listed=[made(status)])
    assert Refund().examine(REFUND.payload)[1].value == "EUR 0.00"


def test_another_currency_is_refused_before_it_is_asked_for(stripe_says):
    stripe_says(paid(10_000, "usd"))
    with pytest.raises(Invalid) as caught:
        Refund().examine(REFUND.payload)
    assert "currency" in caught.value.errors


def test_a_payment_that_does_not_exist_is_refused(stripe_says):
    stripe_says(error(stripe.InvalidRequestError, 404, "resource_missing"))
    with pytest.raises(Invalid) as caught:
        Refund().examine(REFUND.payload)
    assert "payment" in caught.value.errors


def test_a_provider_that_does_not_answer_stops_nobody_from_asking(stripe_says):
    stripe_says(error(stripe.APIError, 500))
    assert Refund().examine(REFUND.payload)[0].value == "No: Stripe did not answer"


# --- Refunds: real sockets ------------------------------------------------------------------------


@pytest.fixture
def real_stripe(settings):
    """The real client against a local port; `serve` answers each connection with a function."""
    settings.STRIPE_API_KEY = "sk_test_1"
    settings.STRIPE_TIMEOUT_S = 0.2
    listener = socket.create_server(("127.0.0.1", 0))
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{listener.getsockname()[1]}"
    refund._client.cache_clear()
    done = threading.Event()

    def serve(answer) -> None:
        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                answer(connection)
                done.wait(5)

        threading.Thread(target=run, daemon=True).start()

    yield SimpleNamespace(serve=serve, listener=listener, done=done)
    done.set()
    listener.close()
    refund._client.cache_clear()


def test_a_closed_port_is_not_reached(real_stripe):
    real_stripe.listener.close()
    assert Refund().send(REFUND).cause == "not-reached"


def test_a_host_without_a_name_is_not_reached(real_stripe, settings):
    settings.STRIPE_API_BASE = "http://nowhere.invalid"
    refund._client.cache_clear()
    assert Refund().send(REFUND).cause == "not-reached"


def test_silence_after_sending_is_no_answer(real_stripe):
    real_stripe.serve(lambda connection: None)
    assert Refund().send(REFUND).cause == "no-answer"


def test_a_connection_cut_after_sending_is_lost(real_stripe):
    real_stripe.serve(lambda connection: connection.shutdown(socket.SHUT_RDWR))
    assert Refund().send(REFUND).cause == "connection-lost"


def test_an_answer_cut_in_the_middle_may_have_done_it(real_stripe):
    def half(connection) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
        connection.shutdown(socket.SHUT_RDWR)

    real_stripe.serve(half)
    assert type(Refund().send(REFUND)) is Unknown


def test_a_page_instead_of_an_answer_may_have_done_it(real_stripe):
    real_stripe.serve(
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")
    )
    assert type(Refund().send(REFUND)) is Unknown


# --- Account changes ------------------------------------------------------------------------------


@pytest.fixture
def service_says(monkeypatch, settings):
    settings.ACCOUNT_SERVICE_URL = "https://accounts.test"
    settings.ACCOUNT_SERVICE_SECRET = "very-secret"
    real = httpx.Client

    def say(answer) -> list[httpx.Request]:
        seen: list[httpx.Request] = []

        def handle(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(
            account_change.httpx,
            "Client",
            lambda **options: real(transport=httpx.MockTransport(handle), **options),
        )
        return seen

    return say


def reply(status: int, body: object = None, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


APPLIED = {"status": "applied", "reference": "chg_1"}


def test_an_applied_change_is_done(service_says):
    service_says(reply(200, APPLIED))
    assert AccountChange().send(CHANGE).reference == "chg_1"


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ({"status": "pending", "reference": "chg_1"}, "provider-pending"),
        ({"status": "applied"}, "unreadable-answer"),
        ({"status": "applied", "reference": ""}, "unreadable-answer"),
        ({"status": "applied", "reference": 7}, "unreadable-answer"),
        ({"status": "new", "reference": "chg_1"}, "unreadable-answer"),
        ([], "unreadable-answer"),
        (None, "unreadable-answer"),
        ("applied", "unreadable-answer"),
    ],
    ids=str,
)
def test_only_an_applied_change_with_a_reference_is_done(service_says, body, cause):
    """I10."""
    service_says(reply(200, body))
    seen = AccountChange().send(CHANGE)
    assert (type(seen), seen.cause) == (Unknown, cause)


@pytest.mark.parametrize(
    ("answer", "cause", "permanent"),
    [
        (reply(429), "too-many-requests", False),
        (reply(409, {"error": {"code": "in_progress"}}), "provider-busy", False),
        (reply(401), "credentials-refused", False),
        (reply(403), "credentials-refused", False),
        (reply(409, {"error": {"code": "conflict"}}), "key-mismatch", True),
        (
            reply(422, {"error": {"code": "account_number_rejected"}}),
            "account-number-rejected",
            True,
        ),
        (reply(400), "refused-by-provider", True),
        (reply(422, {"error": "text"}), "refused-by-provider", True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refused_change_has_changed_nothing(service_says, answer, cause, permanent):
    service_says(answer)
    seen = AccountChange().send(CHANGE)
    assert (type(seen), seen.cause, seen.permanent) == (Refused, cause, permanent)


@pytest.mark.parametrize("status", [500, 502, 503, 201, 204, 301, 302])
def test_any_other_answer_may_have_changed_it(service_says, status):
    service_says(reply(status, APPLIED, Location="https://accounts.test/elsewhere"))
    assert type(AccountChange().send(CHANGE)) is Unknown


@pytest.mark.parametrize(
    "failure",
    [httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.PoolTimeout("x")],
    ids=repr,
)
def test_a_change_without_a_connection_was_not_sent(service_says, failure):
    service_says(failure)
    seen = AccountChange().send(CHANGE)
    assert (type(seen), seen.cause, seen.permanent) == (Refused, "not-reached", False)


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (httpx.ReadTimeout("x"), "no-answer"),
        (httpx.WriteTimeout("x"), "no-answer"),
        (httpx.ReadError("x"), "connection-lost"),
        (httpx.WriteError("x"), "connection-lost"),
        (httpx.RemoteProtocolError("x"), "connection-lost"),
        (httpx.CloseError("x"), "connection-lost"),
    ],
    ids=repr,
)
def test_a_change_cut_off_may_have_been_done(service_says, failure, cause):
    service_says(failure)
    seen = AccountChange().send(CHANGE)
    assert (type(seen), seen.cause) == (Unknown, cause)


def test_an_endless_answer_is_not_read_to_its_end(service_says):
    service_says(httpx.Response(200, content=b"x" * (account_change.LARGEST_ANSWER + 1)))
    assert AccountChange().send(CHANGE).cause == "unreadable-answer"


def test_a_change_goes_to_its_own_address_with_its_key(service_says):
    seen = service_says(reply(200, APPLIED))
    AccountChange().send(CHANGE)
    (request,) = seen
    assert (request.method, str(request.url), request.headers["Idempotency-Key"]) == (
        "PUT",
        "https://accounts.test/accounts/acct_1/changes/aq-AC-1-abc",
        CHANGE.key,
    )


def test_without_an_address_nothing_is_sent(settings):
    settings.ACCOUNT_SERVICE_URL = ""
    assert AccountChange().send(CHANGE) == Refused("not-configured", permanent=False)


def test_a_change_that_is_there_is_found(service_says):
    service_says(reply(200, APPLIED))
    assert AccountChange().look_up(CHANGE).reference == "chg_1"


def test_a_change_that_is_not_there_is_absent(service_says):
    service_says(reply(404))
    assert type(AccountChange().look_up(CHANGE)) is Absent


@pytest.mark.parametrize(
    "answer",
    [
        reply(429),
        reply(401),
        reply(400),
        reply(500),
        reply(302),
        httpx.ConnectError("x"),
        httpx.ReadTimeout("x"),
    ],
    ids=repr,
)
def test_a_question_about_a_change_that_failed_proves_nothing(service_says, answer):
    """I10."""
    service_says(answer)
    assert type(AccountChange().look_up(CHANGE)) is Unknown


def test_asking_about_a_change_only_reads(service_says):
    seen = service_says(reply(404))
    AccountChange().look_up(CHANGE)
    assert [request.method for request in seen] == ["GET"]


def test_evidence_holds_what_was_said_without_secrets(service_says):
    """T2.9."""
    service_says(httpx.Response(500, text="Bearer very-secret failed for 4242 4242 4242 4242"))
    assert AccountChange().send(CHANGE).evidence == ("HTTP 500: [secret] failed for [card ..4242]")


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("soon", None), ("9" * 400, None), ("", None)]
)
def test_the_services_wish_to_wait_is_read(service_says, value, seconds):
    service_says(reply(429, None, **{"Retry-After": value}))
    assert AccountChange().send(CHANGE).retry_after_s == seconds


# --- Evidence -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "secret",
    [
        "sk_live_abcdef123456",
        "rk_test_abcdef123456",
        "pk_live_abcdef123456",
        "whsec_abcdef123456",
        "aq_abcdef123456",
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
    "account", ["DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819"]
)
def test_account_numbers_are_hidden(account):
    """T2.9."""
    plain = account.replace(" ", "")
    assert plain[6:-4] not in masked(f"to {account}").replace(" ", "")


@pytest.mark.parametrize("kept", ["re_1N2x", "pi_88120", "RF-2041", "EUR 1,240.00", "2026-11-24"])
def test_what_helps_stays(kept):
    assert masked(kept) == kept


def test_long_evidence_is_cut():
    assert len(masked("x" * 70_000)) == LONGEST


def test_a_secret_at_the_cut_is_hidden_first():
    assert "sk_live" not in masked("x" * (LONGEST - 12) + " sk_live_abcdef123456")


def test_evidence_can_be_stored():
    assert "\x00" not in masked("a\x00b")


@given(text=st.text(), digits=st.text("0123456789", min_size=13, max_size=19))
def test_no_card_number_stands_in_evidence(text, digits):
    assert digits not in masked(f"{text} {digits} {text}")


def test_a_certificate_that_is_not_trusted_proves_that_nothing_was_sent():
    cause = requests.exceptions.SSLError(ssl.SSLCertVerificationError(1, "self-signed certificate"))
    error = stripe.APIConnectionError("could not verify")
    error.__cause__ = cause
    seen = refund._classified(error)
    assert (type(seen), seen.cause, seen.permanent) == (Refused, "not-reached", False)
