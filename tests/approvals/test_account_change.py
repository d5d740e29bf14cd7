"""What the account service answers, and what we make of it (docs/reference/outcomes.md)."""

import httpx
import pytest

from approvals.kinds import account_change
from approvals.kinds.account_change import AccountChange
from approvals.kinds.base import Absent, Done, Effect, Refused, Unknown
from approvals.kinds.calling import Answer, CallFailed
from approvals.refusals import Invalid

CHANGE = Effect(
    id="aq-AC-1-abc",
    key="aq-AC-1-abc",
    ref="AC-1",
    payload={"account": "acct_1", "change": "email", "to": "new@example.test"},
    reason="Asked.",
)
APPLIED = {
    "id": CHANGE.id,
    "account": "acct_1",
    "change": "email",
    "status": "applied",
    "reference": "chg_1",
}
LOST = CallFailed("connection-lost", "cut", never_sent=False)
UNSENT = CallFailed("not-reached", "refused", never_sent=True)


@pytest.fixture
def service_says(monkeypatch, settings):
    settings.ACCOUNT_SERVICE_URL = "https://accounts.test"
    settings.ACCOUNT_SERVICE_SECRET = "very-secret"

    def say(answer: Answer | CallFailed) -> list[dict]:
        calls: list[dict] = []

        def call(method: str, url: str, **rest: object) -> Answer:
            calls.append({"method": method, "url": url, **rest})
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(account_change, "call", call)
        return calls

    return say


def reply(status: int, body: object = None, **headers: str) -> Answer:
    """As httpx would write it on the wire: `body` as JSON, or nothing."""
    made = httpx.Response(status, json=body) if body is not None else httpx.Response(status)
    return Answer(status, httpx.Headers({**made.headers, **headers}), made.content)


def no(status: int, code: str = "", **headers: str) -> Answer:
    return reply(status, {"error": {"code": code}}, **headers)


def test_an_applied_change_is_done(service_says):
    service_says(reply(200, APPLIED))
    assert AccountChange().send(CHANGE).reference == "chg_1"


def test_an_answer_without_an_id_is_about_the_change_of_its_address(service_says):
    service_says(reply(200, {"status": "applied", "reference": "chg_1"}))
    assert AccountChange().send(CHANGE).reference == "chg_1"


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ({**APPLIED, "status": "pending"}, "provider-pending"),
        ({**APPLIED, "status": "new"}, "unreadable-answer"),
        ({**APPLIED, "status": None}, "unreadable-answer"),
        ({**APPLIED, "reference": ""}, "unreadable-answer"),
        ({**APPLIED, "reference": 7}, "unreadable-answer"),
        ({**APPLIED, "reference": None}, "unreadable-answer"),
        ({**APPLIED, "reference": "a\x00b"}, "unreadable-answer"),
        ({**APPLIED, "reference": "r" * 201}, "unreadable-answer"),
        ({**APPLIED, "id": None}, "unreadable-answer"),
        ({}, "unreadable-answer"),
        ([], "unreadable-answer"),
        (None, "unreadable-answer"),
        ("applied", "unreadable-answer"),
        ({**APPLIED, "id": "aq-AC-2-xyz"}, "answer-of-another"),
        ({**APPLIED, "account": "acct_2"}, "answer-of-another"),
        ({**APPLIED, "change": "close"}, "answer-of-another"),
        ({**APPLIED, "to": "thief@example.test"}, "answer-of-another"),
        ({**APPLIED, "account": None}, "answer-of-another"),
    ],
    ids=str,
)
def test_only_our_own_applied_change_with_a_reference_is_done(service_says, body, cause):
    """I10, AC55."""
    service_says(reply(200, body))
    for seen in (AccountChange().send(CHANGE), AccountChange().look_up(CHANGE)):
        assert (type(seen), seen.cause) == (Unknown, cause)


@pytest.mark.parametrize(
    ("answer", "cause", "permanent"),
    [
        (reply(429), "too-many-requests", False),
        (no(409, "in_progress"), "provider-busy", False),
        (reply(401), "credentials-refused", False),
        (no(403), "credentials-refused", False),
        (no(409, "conflict"), "key-mismatch", True),
        (no(422, "account_number_rejected"), "account-number-rejected", True),
        (no(400), "refused-by-provider", True),
        (reply(422, {"error": "text"}), "refused-by-provider", True),
        (reply(422, {"error": {"code": ["odd"]}}), "refused-by-provider", True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refused_change_has_changed_nothing(service_says, answer, cause, permanent):
    service_says(answer)
    seen = AccountChange().send(CHANGE)
    assert (type(seen), seen.cause, seen.permanent) == (Refused, cause, permanent)


@pytest.mark.parametrize("status", [500, 502, 503, 201, 202, 204, 301, 302, 307, 308])
def test_any_other_answer_may_have_changed_it(service_says, status):
    service_says(reply(status, APPLIED, Location="https://accounts.test/elsewhere"))
    assert type(AccountChange().send(CHANGE)) is Unknown


@pytest.mark.parametrize("status", [400, 403, 404, 408, 409, 413, 422])
def test_a_no_that_is_not_the_service_s_own_is_no_no(service_says, status):
    """A page of a gateway in between says nothing about what happened behind it."""
    service_says(
        Answer(status, httpx.Headers({"Content-Type": "text/html"}), b"<html>Blocked</html>")
    )
    for seen in (AccountChange().send(CHANGE), AccountChange().look_up(CHANGE)):
        assert type(seen) is Unknown


def test_a_change_without_a_connection_was_not_sent(service_says):
    service_says(UNSENT)
    seen = AccountChange().send(CHANGE)
    assert (type(seen), seen.cause, seen.permanent) == (Refused, "not-reached", False)


def test_a_change_cut_off_may_have_been_done(service_says):
    service_says(LOST)
    seen = AccountChange().send(CHANGE)
    assert (type(seen), seen.cause) == (Unknown, "connection-lost")


def test_a_change_goes_to_its_own_address_with_its_key(service_says):
    (call,) = _calls(service_says, AccountChange().send)
    assert (call["method"], call["url"], call["headers"]["Idempotency-Key"]) == (
        "PUT",
        "https://accounts.test/accounts/acct_1/changes/aq-AC-1-abc",
        CHANGE.key,
    )


def _calls(service_says, ask) -> list[dict]:
    calls = service_says(reply(200, APPLIED))
    ask(CHANGE)
    return calls


def test_without_an_address_nothing_is_sent(settings):
    settings.ACCOUNT_SERVICE_URL = ""
    assert AccountChange().send(CHANGE) == Refused("not-configured", permanent=False)
    assert type(AccountChange().look_up(CHANGE)) is Unknown


def test_a_change_that_is_there_is_found(service_says):
    service_says(reply(200, APPLIED))
    assert AccountChange().look_up(CHANGE) == Done("chg_1", reply(200, APPLIED).evidence)


def test_a_change_that_is_not_there_is_absent(service_says):
    service_says(no(404, "not_found"))
    assert type(AccountChange().look_up(CHANGE)) is Absent


@pytest.mark.parametrize(
    "answer",
    [
        reply(429),
        reply(401),
        no(400),
        no(409, "conflict"),
        reply(500),
        reply(302),
        reply(404),
        no(404, "no_such_account"),
        UNSENT,
        LOST,
    ],
    ids=lambda answer: f"{getattr(answer, 'status', answer)}",
)
def test_a_question_about_a_change_that_failed_proves_nothing(service_says, answer):
    """I10."""
    service_says(answer)
    assert type(AccountChange().look_up(CHANGE)) is Unknown


def test_asking_about_a_change_only_reads(service_says):
    (call,) = _calls(service_says, AccountChange().look_up)
    assert (call["method"], call["content"]) == ("GET", None)


def test_evidence_holds_what_was_said_without_secrets(service_says):
    """T2.9."""
    text = b"Bearer very-secret failed for 4242 4242 4242 4242"
    service_says(Answer(500, httpx.Headers(), text))
    assert AccountChange().send(CHANGE).evidence == "HTTP 500: [secret] failed for [card ..4242]"


@pytest.mark.parametrize(
    "answer",
    [
        reply(429, None, **{"Retry-After": "7"}),
        no(409, "in_progress", **{"Retry-After": "7"}),
        reply(503, None, **{"Retry-After": "7"}),
    ],
    ids=lambda answer: str(answer.status),
)
def test_the_services_wish_to_wait_is_kept(service_says, answer):
    service_says(answer)
    assert AccountChange().send(CHANGE).retry_after_s == 7
    assert AccountChange().look_up(CHANGE).retry_after_s == 7


@pytest.mark.parametrize("name", ["from", "to"])
def test_nothing_is_no_text(name):
    """As the published schema has it: leave it out, or leave it empty."""
    payload = {"account": "acct_1", "change": "close"}
    assert AccountChange().check({**payload, name: ""}) == payload
    with pytest.raises(Invalid) as caught:
        AccountChange().check({**payload, name: None})
    assert caught.value.errors == {name: f"The {name} must be text."}
