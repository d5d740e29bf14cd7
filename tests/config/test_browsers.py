"""What other sites may do with a signed-in browser, and what browsers report."""

import json
import logging

import pytest
from django.test import Client

from config import violations

pytestmark = pytest.mark.usefixtures("db")

ELSEWHERE = {"Sec-Fetch-Site": "cross-site"}
LINK = {**ELSEWHERE, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture
def inside(client, cast) -> Client:
    client.force_login(cast.operator)
    return client


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/queue/",
        "/api/v1/requests",
        "/accounts/login/",
        "/admin/",
        "/livez",
        "/static/css/app.css",
    ],
)
def test_methods_that_nobody_needs_are_not_answered(inside, method, path):
    answer = inside.generic(method, path, headers={"Cookie": "secret=1"})
    assert answer.status_code == 405
    assert b"secret" not in answer.content


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    ("mode", "dest"),
    [
        ("navigate", "iframe"),
        ("navigate", "object"),
        ("no-cors", "image"),
        ("cors", "empty"),
        ("", ""),
    ],
)
def test_another_site_loads_and_frames_nothing(inside, site, mode, dest):
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    for path in ("/queue/", "/queue/export/", "/accounts/login/", "/nothing-here/"):
        assert inside.get(path, headers=headers).status_code == 403, path


@pytest.mark.parametrize(
    "headers", [LINK, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}, {}]
)
def test_a_link_from_anywhere_leads_here(inside, headers):
    assert inside.get("/queue/", headers=headers).status_code == 200


def test_a_form_of_another_site_changes_nothing(inside, cast):
    item = cast.ask()
    said = {"reason": "Not me.", "idempotency_key": cast.key()}
    answer = inside.post(f"/requests/{item.ref}/note/", said, headers=LINK)
    assert answer.status_code == 403
    assert "This came from another site" in answer.content.decode()
    assert inside.post(f"/requests/{item.ref}/note/", said).status_code == 302


def test_the_api_says_it_as_a_problem(inside):
    answer = inside.post("/api/v1/requests", headers={**ELSEWHERE, "Sec-Fetch-Mode": "cors"})
    assert answer.status_code == 403
    assert answer["Content-Type"].startswith("application/problem+json")


def test_programs_that_send_no_such_header_are_not_asked(client, settings):
    settings.STRIPE_WEBHOOK_SECRETS = []
    assert client.post("/hooks/stripe/").status_code == 503
    assert client.get("/livez").status_code == 200


def test_signing_out_clears_what_the_browser_keeps(inside):
    assert "Clear-Site-Data" not in inside.get("/queue/").headers
    answer = inside.post("/accounts/logout/")
    assert answer.headers["Clear-Site-Data"] == '"cache", "cookies", "storage"'
    assert "Clear-Site-Data" not in inside.get("/accounts/login/").headers


# --- Reports --------------------------------------------------------------------------------------

NEW = [
    {
        "type": "csp-violation",
        "body": {
            "documentURL": "https://queue.example/lookup/?q=Maria+Papadopoulou",
            "blockedURL": "https://evil.example/x.js?token=secret",
            "effectiveDirective": "script-src-elem",
        },
    }
]
OLD = {
    "csp-report": {
        "document-uri": "https://queue.example/queue/",
        "blocked-uri": "inline",
        "violated-directive": "style-src 'self'",
    }
}


def counted(directive: str) -> float:
    return violations.REPORTS.labels(directive)._value.get()


def sent(client: Client, said: object, **more: object):
    body = said if isinstance(said, bytes) else json.dumps(said)
    return client.post("/csp-reports/", body, content_type="application/reports+json", **more)


def test_every_page_says_where_to_report(inside):
    headers = inside.get("/queue/").headers
    assert "report-uri /csp-reports/" in headers["Content-Security-Policy"]
    assert "report-to csp" in headers["Content-Security-Policy"]
    assert headers["Reporting-Endpoints"] == 'csp="/csp-reports/"'


@pytest.mark.parametrize(
    ("said", "directive", "facts"),
    [
        (NEW, "script-src-elem", ("/lookup/", "https://evil.example")),
        (OLD, "style-src", ("/queue/", "inline")),
    ],
)
def test_a_report_is_counted_and_logged_without_what_people_typed(
    client, caplog, said, directive, facts
):
    before = counted(directive)
    with caplog.at_level(logging.WARNING, logger="approvals.csp"):
        assert sent(client, said).status_code == 204
    assert counted(directive) == before + 1
    [line] = [one for one in caplog.records if one.name == "approvals.csp"]
    assert (line.page, line.blocked) == facts
    assert "Maria" not in str(vars(line))
    assert "secret" not in str(vars(line))


def test_a_directive_that_nobody_knows_makes_no_label_of_its_own(client):
    before = counted("other")
    sent(client, {"csp-report": {"violated-directive": "made-up-by-somebody"}})
    assert counted("other") == before + 1


@pytest.mark.parametrize("said", [b"", b"not json", b"\xff", b"[" * 5000])
def test_what_is_no_report_is_refused(client, said):
    assert sent(client, said).status_code == 400


@pytest.mark.parametrize("said", [[], [1, None, "x"], {}, {"csp-report": 1}, [{"body": [1]}]])
def test_what_says_nothing_counts_nothing(client, said, caplog):
    assert sent(client, said).status_code == 204
    assert not [one for one in caplog.records if one.name == "approvals.csp"]


def test_a_large_one_is_not_read(client):
    assert sent(client, b"x" * (violations.LARGEST_BODY + 1)).status_code == 413


def test_few_are_read_from_one_address(client):
    statuses = [sent(client, OLD).status_code for _ in range(violations.LIMIT.amount + 5)]
    assert statuses.count(204) <= violations.LIMIT.amount + 1
    assert statuses[-1] == 429


def test_of_a_long_list_only_the_first_are_read(client):
    before = counted("style-src")
    sent(client, [{"body": {"effectiveDirective": "style-src"}}] * 100)
    assert counted("style-src") == before + violations.MOST_AT_ONCE
