"""Reading changes nothing; signed-out people and other sites neither."""

import pytest
from django.test import Client

from approvals.models import ApprovalRequest, Decision, IdempotencyRecord, Note
from approvals.views.verbs import VERBS
from audit.models import Event
from tests.approvals.common import jobs
from tests.approvals.pages.common import decision


def everything() -> tuple:
    return (
        list(ApprovalRequest.objects.order_by("pk").values_list("pk", "version", "state")),
        Event.objects.count(),
        Decision.objects.count(),
        IdempotencyRecord.objects.count(),
        Note.objects.count(),
        jobs(),
    )


@pytest.mark.parametrize(
    "who", ["requester", "operator", "approver", "auditor", "admin", "stranger"]
)
def test_reading_never_changes_anything(cast, as_, provider, who):
    item = cast.ask()
    done = cast.approve(cast.ask())
    cast.run(done)
    paths = [
        "/",
        "/queue/",
        "/decisions/",
        "/lookup/?q=A",
        "/go/?q=RF",
        "/help/",
        "/me/",
        "/requests/new/",
        "/requests/new/refund/",
        f"/requests/{done.ref}/attempts/1/",
    ]
    for ref in (item.ref, done.ref):
        paths += [f"/requests/{ref}/", *(f"/requests/{ref}/{v.replace('_', '-')}/" for v in VERBS)]
    client = as_(who)
    before = everything()
    for path in paths:
        assert client.get(path).status_code < 500, path
    assert everything() == before


@pytest.mark.parametrize("path", ["/queue/", "/decisions/", "/lookup/", "/go/", "/requests/new/"])
def test_pages_that_only_show_take_no_post(cast, as_, path):
    assert as_("operator").post(path).status_code == 405


@pytest.mark.parametrize("verb", [v.replace("_", "-") for v in VERBS])
def test_a_signed_out_post_changes_nothing(cast, verb):
    item = cast.ask()
    before = everything()
    response = Client().post(f"/requests/{item.ref}/{verb}/", decision(item))
    assert response.status_code in (302, 401, 403)
    assert everything() == before


def test_a_signed_out_reader_is_asked_to_sign_in_and_comes_back(cast):
    item = cast.ask()
    response = Client().get(f"/requests/{item.ref}/")
    assert response["Location"] == f"/accounts/login/?next=/requests/{item.ref}/"


def test_a_form_from_another_site_changes_nothing(cast):
    item = cast.ask()
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.approver)
    response = client.post(f"/requests/{item.ref}/approve/", decision(item))
    assert (response.status_code, cast.get(item.ref).version) == (403, 1)


def test_a_closed_account_is_signed_out(cast, as_):
    client = as_("approver")
    cast.approver.is_active = False
    cast.approver.save()
    assert client.get("/queue/").status_code == 302


def test_no_page_may_be_kept_by_a_browser(cast, as_):
    item = cast.ask()
    assert as_("operator").get(f"/requests/{item.ref}/")["Cache-Control"] == "no-store"
