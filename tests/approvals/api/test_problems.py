"""Whatever is sent, the answer is a problem that says what was wrong (T5.1), and nothing changes."""

import gzip
import json
import unicodedata

import pytest
from django.db import OperationalError
from django.test import Client

from approvals.api.problems import PROBLEMS
from approvals.models import ApprovalRequest, IdempotencyRecord
from tests.approvals.api.conftest import Caller, code, problem


@pytest.fixture
def support(calls, cast):
    return calls(cast.requester)


@pytest.fixture
def untouched(cast):
    yield
    assert not ApprovalRequest.objects.exists()
    assert not IdempotencyRecord.objects.exists()


def nested(depth):
    return b'{"a":' * depth + b"1" + b"}" * depth


BAD_BODIES = {
    "not JSON": b"{",
    "not an object": b"[]",
    "null": b"null",
    "a text": b'"x"',
    "not UTF-8": b'{"kind": "\xff\xfe"}',
    "UTF-16": '{"kind": "refund"}'.encode("utf-16"),
    "a NUL": b'{"kind": "a\\u0000b"}',
    "half a character": b'{"kind": "\\ud800"}',
    "a field twice": b'{"kind": "refund", "kind": "manual"}',
    "a field twice, deep": b'{"payload": {"amount": 1, "amount": 2}}',
    "NaN": b'{"payload": {"amount": NaN}}',
    "Infinity": b'{"payload": {"amount": -Infinity}}',
    "too large a number": b'{"payload": {"amount": 1e400}}',
    "too many digits": b'{"payload": {"amount": ' + b"9" * 5000 + b"}}",
    "deep": nested(21),
    "very deep": nested(50_000),
    "very deep lists": b"[" * 100_000,
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_body_that_cannot_be_read(support, untouched, body):
    assert code(support.post("/requests", body)) == "malformed"


def test_a_compressed_body_is_not_read(support, untouched, cast):
    bomb = gzip.compress(b" " * 10_000_000)
    response = support.post("/requests", bomb, Content_Encoding="gzip")
    assert code(response) == "unsupported-media-type"


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", ""],
)
def test_another_kind_of_body_is_not_read(support, untouched, kind):
    response = support.post("/requests", b'{"kind": "refund"}', content_type=kind or "x")
    assert code(response) == "unsupported-media-type"


def test_a_body_that_is_too_large(support, untouched):
    assert code(support.post("/requests", b" " * (512 * 1024 + 1))) == "too-large"


def test_a_body_longer_than_declared_is_cut_and_not_read(support, untouched):
    response = support.client.post(
        "/api/v1/requests",
        data=b'{"a": 1}',
        content_type="application/json",
        CONTENT_LENGTH="3",
        headers={"Authorization": f"Bearer {support.secret}", "Idempotency-Key": "k"},
    )
    assert code(response) == "malformed"


def test_an_unknown_field_is_refused(support, untouched, cast):
    wanted = {**cast.refund_arguments(), "state": "approved", "revision": 3}
    pointers = {error["pointer"] for error in problem(support.post("/requests", wanted))["errors"]}
    assert pointers == {"/state", "/revision"}


HARD_TEXTS = [
    "\u202egnp.exe",
    "a\u0308" * 40,
    "\U0001f4a9" * 50,
    "‏מספר‏",
    "\r\nSet-Cookie: a=b",
    "=1+1",
]


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_hard_text_is_kept_as_it_is(support, text):
    from tests.cast import NUMBERS

    wanted = {
        "kind": "manual",
        "payload": {"title": f"{text} {next(NUMBERS)}", "instructions": text},
        "customer": text.strip()[:100],
        "reason": text,
    }
    response = support.post("/requests", wanted)
    assert response.status_code == 201, response.content
    assert response.json()["payload"]["instructions"] == unicodedata.normalize("NFC", text.strip())


# --- What the framework itself refuses ---------------------------------------------------------------


def test_an_address_that_does_not_exist(support):
    for path in ("/nothing", "/requests/", "/requests/RF-1/explode", "//", "/requests/RF-1/claim/"):
        assert code(support.get(path)) == "not-found"


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "head"])
def test_a_method_that_is_not_known(support, method):
    call = getattr(support.client, method)
    response = call("/api/v1/requests", headers={"Authorization": f"Bearer {support.secret}"})
    assert response.status_code == 405
    assert set(response["Allow"].split(", ")) == {"GET", "POST"}


def test_only_json_is_spoken(support):
    for accept in ("text/html", "application/xml", "image/*"):
        assert code(support.get("/requests", Accept=accept)) == "not-acceptable"
    for accept in ("*/*", "application/json", "text/html, application/*;q=0.1"):
        assert support.get("/requests", Accept=accept).status_code == 200


def test_a_foreign_host(support):
    response = support.client.get("/api/v1/requests", headers={"Host": "evil.test"})
    assert code(response) == "malformed"


def test_a_nul_in_the_query(support):
    assert code(support.get("/requests?q=%00")) == "malformed"


def test_without_a_database_nothing_is_claimed(support, cast, monkeypatch):
    """I9, I10"""
    from approvals.commands import idempotency

    def lost(**_):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(idempotency, "claim", lost)
    response = support.post("/requests", cast.refund_arguments())
    assert code(response) == "unavailable"
    assert response["Retry-After"]
    assert "same key" in problem(response)["detail"]


def test_a_fault_tells_nothing_of_the_inside(support, monkeypatch):
    from approvals import queries

    def broken(*_):
        raise RuntimeError("secret detail of the inside")

    monkeypatch.setattr(queries, "seen_by", broken)
    response = support.get("/requests")
    assert code(response) == "internal"
    assert "secret" not in response.content.decode()
    assert "nothing was recorded" in problem(response)["detail"]


# --- The list of types ---------------------------------------------------------------------------------


def test_each_type_has_a_page(db):
    client = Client()
    listed = client.get("/problems/").content.decode()
    for name, kind in PROBLEMS.items():
        page = client.get(f"/problems/{name}")
        assert page.status_code == 200
        assert kind.title in page.content.decode().replace("&#x27;", "'")
        assert f"/problems/{name}" in listed
    assert client.get("/problems/nothing").status_code == 404


def test_the_request_id_of_a_problem_is_that_of_the_answer(support):
    response = support.get("/requests/RF-999", X_Request_ID="my-id.1")
    assert problem(response)["request_id"] == response["X-Request-ID"] == "my-id.1"
    response = support.get("/requests/RF-999", X_Request_ID="bad id\n")
    assert problem(response)["request_id"] not in ("bad id\n", "")


def test_the_document_is_whole_and_names_every_type(support):
    """T5.5: it validates, and every error has an example of its own shape."""
    from openapi_spec_validator import validate

    document = support.get("/openapi.json").json()
    validate(document)
    text = json.dumps(document)
    assert all(f"/problems/{name}" in text for name in PROBLEMS)
    for operations in document["paths"].values():
        for operation in operations.values():
            assert {"401", "403", "429", "500", "503"} <= set(operation["responses"])
            assert operation["summary"]
            assert operation["description"]


@pytest.fixture
def nobody():
    return Caller("", Client())
