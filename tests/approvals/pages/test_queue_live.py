"""What stays current while somebody looks, what they tick, and the views that they keep."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client

from approvals.commands import operate, saved_views
from approvals.models import SavedView
from audit.models import Event
from tests.approvals.common import events_of
from tests.approvals.pages.common import queries_of, text


def act(cast, command, item, by=None, **body):
    return command(ref=item.ref, by=by or cast.operator, at=cast.now, key=cast.key(), **body)


def cursor(page) -> str:
    return unescape(re.search(r'/queue/changes\?cursor=([^"]+)"', page.content.decode())[1])


def changes(client: Client, cursor: str):
    return client.get(f"/queue/changes?cursor={cursor}", headers={"HX-Request": "true"})


# --- Live updates ------------------------------------------------------------------------------------


def test_nothing_new_answers_with_nothing(cast, as_):
    cast.ask()
    client = as_("operator")
    assert changes(client, cursor(client.get("/queue/?view=all"))).status_code == 204


def test_a_changed_row_gets_new_cells_and_is_neither_moved_nor_removed(cast, as_):
    """ui.md §6, 15"""
    item, other = cast.ask(), cast.ask()
    client = as_("operator")
    before = cursor(client.get("/queue/?view=people"))
    cast.approve(item)
    answer = changes(client, before)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert f'id="status-{item.ref}" hx-swap-oob="innerHTML"' in page
    assert "No longer in this view" in page
    assert other.ref not in page
    assert "<tr" not in page
    assert "Show 1 update<" in page
    assert 'id="live" hx-swap-oob="innerHTML">1 request changed<' in page


def test_what_was_told_is_not_told_again_but_still_counts(cast, as_):
    first, second = cast.ask(), cast.ask()
    client = as_("operator")
    answer = changes(client, cursor(client.get("/queue/?view=all")))
    act(cast, operate.claim, first)
    answer = changes(client, cursor(client.get("/queue/?view=all")))
    assert answer.status_code == 204
    page = client.get("/queue/?view=all")
    act(cast, operate.release, first)
    told = changes(client, cursor(page))
    again = changes(client, cursor(told))
    assert again.status_code == 204
    act(cast, operate.claim, second)
    last = changes(client, cursor(told)).content.decode()
    assert "Show 2 updates<" in last
    assert f"status-{first.ref}" not in last
    assert 'id="live"' not in last  # one message a minute at most


def test_what_came_is_counted_and_not_inserted(cast, as_):
    cast.ask()
    client = as_("operator")
    page = client.get("/queue/?view=all")
    new = cast.ask()
    told = changes(client, cursor(page)).content.decode()
    assert "Show 1 update<" in told
    assert new.ref not in told


def test_what_may_not_be_seen_any_more_says_nothing(cast, as_):
    item = cast.ask()
    client = as_("operator")
    page = client.get("/queue/?view=all")
    from accounts.models import Membership

    act(cast, operate.claim, item, by=cast.second_operator)
    Membership.objects.filter(user=cast.operator).delete()
    told = changes(client, cursor(page)).content.decode()
    assert item.ref not in told


@pytest.mark.parametrize("made_up", ["", "x", "a:b:c", "%00", "9" * 5000])
def test_a_made_up_cursor_is_refused(as_, made_up):
    assert changes(as_("operator"), made_up).status_code == 400


def test_changes_ask_few_questions(cast, as_):
    items = [cast.ask() for _ in range(3)]
    client = as_("operator")
    page = client.get("/queue/?view=all")
    for item in items[:1]:
        act(cast, operate.claim, item)
    one = queries_of(client, f"/queue/changes?cursor={cursor(page)}")
    for item in items[1:]:
        act(cast, operate.claim, item)
    assert queries_of(client, f"/queue/changes?cursor={cursor(page)}") == one


# --- Ticked rows -------------------------------------------------------------------------------------


def ticked(*items, **more) -> dict:
    return {"row": [f"{item.ref}:{item.version}" for item in items], "from": "view=all", **more}


def confirm(client, verb, page, **more):
    frozen = re.search(r'name="list" value="([^"]+)"', page.content.decode())[1]
    body = {"list": unescape(frozen), "idempotency_key": "k", "from": "view=all", **more}
    return client.post(f"/queue/bulk/{verb}/", body)


def test_ticked_rows_are_done_one_by_one(cast, as_):
    items = [cast.ask() for _ in range(3)]
    client = as_("operator")
    page = client.get("/queue/bulk/claim/", ticked(*items[:2]))
    assert "Claim 2 requests?" in text(page)
    result = confirm(client, "claim", page)
    assert "2 claimed, 0 left as they were" in text(result)
    assert [cast.get(item.ref).owner for item in items] == [cast.operator, cast.operator, None]
    assert all(events_of(item)[-1].action == "request.claim" for item in items[:2])
    assert 'href="/queue/?view=all"' in result.content.decode()


def test_what_changed_after_it_was_ticked_is_left_alone_with_the_reason(cast, as_):
    """ui.md §6, 16"""
    same, changed = cast.ask(), cast.ask()
    act(cast, operate.claim, changed, by=cast.second_operator)
    page = as_("operator").get("/queue/bulk/claim/", ticked(same, changed))
    assert "Claim 1 request?" in text(page)
    assert f"{changed.ref}</a>: It changed after you looked" in text(page)


def test_what_changed_after_the_preflight_is_left_alone_too(cast, as_):
    same, changed = cast.ask(), cast.ask()
    client = as_("operator")
    page = client.get("/queue/bulk/claim/", ticked(same, changed))
    act(cast, operate.claim, changed, by=cast.second_operator)
    result = text(confirm(client, "claim", page))
    assert "1 claimed, 1 left as they were" in result
    assert cast.get(changed.ref).owner == cast.second_operator


def test_all_that_match_are_those_of_the_preflight(cast, as_):
    matching = [cast.ask(customer="Acme") for _ in range(3)]
    cast.ask(customer="Other")
    client = as_("operator")
    page = client.get("/queue/bulk/claim/", {"all": "1", "from": "view=all&q=Acme"})
    assert "Claim 3 requests?" in text(page)
    late = cast.ask(customer="Acme")
    confirm(client, "claim", page)
    assert all(cast.get(item.ref).owner for item in matching)
    assert cast.get(late.ref).owner is None


def test_ticked_rows_can_be_given_to_a_colleague(cast, as_):
    items = [cast.ask(), cast.ask()]
    client = as_("operator")
    page = client.get("/queue/bulk/assign/", ticked(*items))
    assert confirm(client, "assign", page, to="").status_code == 422
    confirm(client, "assign", page, to=cast.second_operator.email, idempotency_key="k2")
    assert {cast.get(item.ref).owner for item in items} == {cast.second_operator}


@pytest.mark.parametrize("who", ["requester", "approver", "auditor", "stranger"])
def test_others_do_nothing_with_several(cast, as_, who):
    item = cast.ask()
    answer = as_(who).get("/queue/bulk/claim/", ticked(item))
    assert answer.status_code in (403, 404)
    assert 'name="row"' not in as_(who).get("/queue/?view=all").content.decode()


@pytest.mark.parametrize(
    "rows", [[], ["x"], ["RF-1:"], ["RF-9999:1"], [":"], ["RF-1001:1" * 50], ["\u202eRF:1"]]
)
def test_nonsense_ticked_does_nothing(as_, rows):
    page = as_("operator").get("/queue/bulk/claim/", {"row": rows, "from": "\u202e&&=;"})
    assert page.status_code == 200
    assert "It can be done with none of them now" in text(page)


def test_a_list_of_another_verb_or_person_is_not_carried_out(cast, as_):
    item = cast.ask()
    client = as_("operator")
    page = client.get("/queue/bulk/claim/", ticked(item))
    assert confirm(client, "release", page).status_code == 400
    assert confirm(as_("second_operator"), "claim", page).status_code == 400
    assert cast.get(item.ref).owner is None


def test_unknown_verbs_are_not_there(as_):
    for verb in ("approve", "settle", "withdraw", "nonsense"):
        assert as_("operator").get(f"/queue/bulk/{verb}/").status_code == 404


# --- Reminders on the row ----------------------------------------------------------------------------


def test_an_overdue_row_offers_a_reminder(cast, as_):
    item = cast.ask(at=cast.now - timedelta(days=3))
    page = as_("operator").get("/queue/?view=all").content.decode()
    assert f'action="/requests/{item.ref}/remind/"' in page


# --- Kept views --------------------------------------------------------------------------------------


def test_a_view_is_kept_opened_and_deleted(cast, as_):
    client = as_("operator")
    response = client.post(
        "/queue/views/", {"name": "Late refunds", "query": "kind=refund&view=stuck&cursor=x&evil=1"}
    )
    saved = SavedView.objects.get()
    assert saved.query == "kind=refund&view=stuck"
    page = client.get(response.url)
    assert "Late refunds" in text(page)
    client.post(f"/queue/views/{saved.pk}/delete/")
    assert not SavedView.objects.exists()
    told = Event.objects.filter(target_type="view").values_list("action", flat=True)
    assert sorted(told) == ["person.delete_view", "person.save_view"]


def test_a_view_that_is_gone_says_so_and_still_lists(cast, as_):
    cast.ask()
    page = text(as_("operator").get("/queue/?view=all&saved=999"))
    assert "This view was deleted" in page
    assert "RF-" in page


def test_somebody_else_s_view_is_not_there(cast, as_, now):
    mine = saved_views.save_view(name="Mine", query="view=all", by=cast.operator, at=now)
    client = as_("second_operator")
    assert "Mine" not in text(client.get(f"/queue/?view=all&saved={mine.pk}"))
    client.post(f"/queue/views/{mine.pk}/delete/")
    assert SavedView.objects.filter(pk=mine.pk).exists()


def test_seven_views_are_kept(cast, as_, now):
    client = as_("operator")
    for number in range(8):
        client.post("/queue/views/", {"name": f"View {number}", "query": "view=all"})
    assert SavedView.objects.count() == saved_views.MOST
    page = client.post("/queue/views/", {"name": "More", "query": ""}, follow=True)
    assert "Delete one of them first" in text(page)


@pytest.mark.parametrize("name", ["", " ", "x" * 41, "\u202e"])
def test_a_bad_name_is_said(as_, name):
    page = as_("operator").post("/queue/views/", {"name": name, "query": "view=all"}, follow=True)
    assert not SavedView.objects.exists()
    assert page.status_code == 200


# --- What it weighs ----------------------------------------------------------------------------------


def test_fifty_rows_are_at_most_120_kb(cast, as_):
    for _ in range(50):
        cast.ask(customer="Dr. Wilhelmina van der Westhuizen-Oosterhout")
    page = as_("operator").get("/queue/?view=all")
    assert page.content.count(b"<tr") == 51
    assert len(page.content) <= 120_000


def test_a_view_of_too_many_fields_is_saved_as_the_plain_queue(cast, as_):
    answer = as_("operator").post("/queue/views/", {"name": "Wide", "query": "a=1&" * 60})
    assert answer.status_code == 302
    assert as_("operator").get("/queue/?" + "a=1&" * 60).status_code == 200
