"""What surrounds every page: ids, headers, readable text, a signed-in person."""

import pytest
from django.db import OperationalError

from audit import trace
from audit.models import Event
from config.middleware import client_address


def test_a_form_sent_signed_out_records_nothing_and_gives_the_text_back(client, cast):
    item = cast.ask()
    before = Event.objects.count()
    answer = client.post(f"/requests/{item.ref}/note/", {"reason": "Called <twice>."})
    assert answer.status_code == 401
    assert "Nothing was recorded" in answer.content.decode()
    assert "Called &lt;twice&gt;." in answer.content.decode()
    assert Event.objects.count() == before


def test_a_page_asked_for_signed_out_leads_to_the_sign_in_and_back(client, db):
    answer = client.get("/queue/?view=stuck")
    assert answer["Location"] == "/accounts/login/?next=/queue/%3Fview%3Dstuck"


def test_htmx_is_sent_to_the_sign_in_as_a_whole_page(client, db):
    answer = client.get("/queue/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (401, "/accounts/login/")


@pytest.mark.parametrize(
    "offered", ["x" * 65, "x" * 200, "a\nb", "", "a b", "ü", "sk_live_abcdef123456"]
)
def test_a_request_id_that_could_do_harm_is_replaced(client, db, offered):
    """T6.2"""
    answer = client.get("/livez", headers={"X-Request-ID": offered})
    assert answer["X-Request-ID"] != offered


def test_a_harmless_request_id_is_kept(client, db):
    assert client.get("/livez", headers={"X-Request-ID": "abc-1"})["X-Request-ID"] == "abc-1"


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_trace_is_gone_on_with_in_a_span_of_our_own(client, db):
    """T6.1"""
    offered = f"00-{TRACE}-00f067aa0ba902b7-01"
    answered = client.get("/livez", headers={"traceparent": offered})["traceparent"]
    assert answered.startswith(f"00-{TRACE}-")
    assert answered.endswith("-01")
    assert answered != offered


@pytest.mark.parametrize("offered", ["", "rubbish", f"00-{TRACE}-{'0' * 16}-01", "a\r\nb"])
def test_what_is_no_trace_begins_a_new_one(client, db, offered):
    """T6.2"""
    answered = client.get("/livez", headers={"traceparent": offered})["traceparent"]
    begun = trace.read(answered)
    assert begun is not None
    assert begun.trace_id != TRACE


def test_events_carry_the_ids_of_their_request(client, cast):
    """T4.9"""
    item = cast.ask()
    client.force_login(cast.operator)
    headers = {"X-Request-ID": "abc-1", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    form = {"reason": "Called.", "idempotency_key": cast.key()}
    answer = client.post(f"/requests/{item.ref}/note/", form, headers=headers)
    context = Event.objects.filter(stream=item.stream).latest("seq").context
    assert context == {
        "request_id": "abc-1",
        "correlation_id": "abc-1",
        "trace_id": TRACE,
        "traceparent": answer["traceparent"],
        "source_ip": "127.0.0.1",
    }


def test_nul_in_an_address_is_refused_with_a_sentence(client, cast):
    client.force_login(cast.operator)
    answer = client.get("/queue/", {"q": "a\x00b"})
    assert answer.status_code == 400
    assert "cannot be stored" in answer.content.decode()


@pytest.mark.parametrize("address", ["/accounts/login/", "/livez", "/nothing-here", "/help/"])
def test_every_answer_carries_the_safety_headers(client, cast, address):
    client.force_login(cast.operator)
    answer = client.get(address)
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cache-Control"].startswith("no-store") or "no-store" in answer["Cache-Control"]


def test_a_database_that_does_not_answer_is_said_and_nothing_promised(client, cast, monkeypatch):
    client.force_login(cast.operator)
    client.raise_request_exception = False

    def down(*_args, **_kw):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("approvals.views.queue.counted", down)
    answer = client.get("/queue/")
    assert answer.status_code == 503
    assert "not available right now" in answer.content.decode()


def test_an_unforeseen_error_does_not_say_that_nothing_was_recorded(client, cast, monkeypatch):
    client.force_login(cast.operator)
    client.raise_request_exception = False

    def broken(*_args, **_kw):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("approvals.views.queue.counted", broken)
    answer = client.get("/queue/")
    assert answer.status_code == 500
    assert "We do not know if what you sent was recorded" in answer.content.decode()
    assert "secret detail" not in answer.content.decode()


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        (0, "6.6.6.6", "127.0.0.1"),
        (1, "6.6.6.6", "6.6.6.6"),
        (1, "9.9.9.9, 6.6.6.6", "6.6.6.6"),
        (2, "9.9.9.9, 6.6.6.6, 10.0.0.1", "6.6.6.6"),
        (2, "6.6.6.6", "127.0.0.1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "somewhere, <b>", "127.0.0.1"),
        (1, "", "127.0.0.1"),
    ],
)
def test_only_what_our_own_proxies_say_of_the_address_is_believed(
    rf, settings, trusted, forwarded, address
):
    """Abuse case 46"""
    settings.TRUSTED_PROXY_COUNT = trusted
    request = rf.get("/", headers={"X-Forwarded-For": forwarded})
    assert client_address(request) == address
