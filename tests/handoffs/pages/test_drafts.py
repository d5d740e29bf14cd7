"""The pages of a draft: complete without JavaScript and safe to send twice."""

import pytest

from accounts.models import Team
from handoffs.models import Handoff, Section
from tests.approvals.pages.common import hidden, text
from tests.handoffs.common import line_of
from tests.handoffs.pages.common import base, form_of, plain

pytestmark = pytest.mark.usefixtures("db")


def start_form(cast, **changes: str) -> dict:
    return {
        "idempotency_key": "K",
        "team": Team.objects.get(name="Operations").pk,
        "to": cast.second_operator.pk,
        "shift_from": "2026-11-24T01:00",
        "shift_to": "2026-11-24T09:30",
        **changes,
    }


def test_a_handoff_is_started_once_and_filled_in(cast, as_, morning):
    client = as_("operator")
    first = client.post("/handoff/new/", start_form(cast))
    second = client.post("/handoff/new/", start_form(cast))
    draft = Handoff.objects.get()
    assert first["Location"] == second["Location"] == base(draft)
    assert f"{draft.shift_from:%H:%M} {draft.shift_to:%H:%M}" == "01:00 09:30"
    page = text(client.get(base(draft)))
    for item in vars(morning).values():
        assert item.ref in page
    assert "Send for acceptance" in page


def test_the_form_names_the_zone_and_the_readers_own_time(cast, as_):
    page = plain(as_("operator").get("/handoff/new/"))
    assert "Your shift from (UTC)" in page
    assert "It is 09:15 UTC now, 11:15 in Athens." in page


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"to": ""}, "Choose to whom."),
        ({"to": "999999"}, "Select a valid choice"),
        ({"to": "x' OR 1=1"}, "Select a valid choice"),
        ({"team": ""}, "Choose the from team."),
        ({"shift_from": ""}, "Enter when your shift began."),
        ({"shift_to": "yesterday"}, "Enter a day and a time in UTC."),
        ({"shift_to": "2026-11-24T00:30"}, "The shift must end after it begins."),
        ({"shift_from": "2026-11-22T01:00"}, "A shift can have 24 hours at most."),
        ({"shift_from": "9999-12-31T01:00", "shift_to": "9999-12-31T02:00"}, "within a day of now"),
        ({"shift_from": "0001-01-01T00:00"}, "A shift can have 24 hours at most."),
        ({"to": "\x00"}, ""),
    ],
)
def test_what_cannot_be_is_said_at_its_field(cast, as_, changes, sentence):
    page = as_("operator").post("/handoff/new/", start_form(cast, **changes))
    assert page.status_code in (400, 422)
    assert sentence in plain(page)
    assert not Handoff.objects.exists()


def test_a_form_without_a_key_starts_nothing(cast, as_):
    form = start_form(cast)
    del form["idempotency_key"]
    assert as_("operator").post("/handoff/new/", form).status_code == 400
    assert not Handoff.objects.exists()


def test_an_empty_section_is_named_in_the_error_summary_and_what_was_typed_stays(as_, draft):
    client = as_("operator")
    form = form_of(client.get(base(draft)), note="")
    for section in ("changed", "done"):
        del form[f"none_{section}"]
    line = draft.lines.get(section="risky")
    form[f"next_{line.pk}"] = "Ask their <b>support</b>."
    page = client.post(f"{base(draft)}send/", form)
    assert page.status_code == 422
    summary = text(page).partition('class="error-summary"')[2].partition("</div>")[0]
    for section in (Section.CHANGED, Section.DONE):
        assert f'href="#id_none_{section.value}"' in summary
        assert f"“{section.label}” is empty." in summary
    assert "Note" not in summary
    assert "<title>Error: Handoff:" in text(page)
    assert "Ask their &lt;b&gt;support&lt;/b&gt;." in text(page)
    assert hidden(page, "idempotency_key") == form["idempotency_key"]
    assert client.post(f"{base(draft)}send/", {**form, "none_changed": "on", "none_done": "on"})
    draft.refresh_from_db()
    assert draft.state == "sent"


def test_a_draft_is_saved_filled_in_again_and_sent_from_one_form(cast, as_, draft, morning):
    client = as_("operator")
    fresh = cast.ask()
    page = client.get(base(draft))
    assert "Since it was filled in, 1 request came, went or moved" in plain(page)
    line = draft.lines.get(section="risky")
    form = form_of(page, note="Call Jo.")
    form[f"to_{line.pk}"] = str(cast.operator.pk)
    for verb, words in (("save", "is saved"), ("fill", "filled in as things stand now")):
        form["idempotency_key"] = f"K-{verb}"
        answered = client.post(f"{base(draft)}{verb}/", form, follow=True)
        assert words in plain(answered)
        form = form_of(answered, note="Call Jo.")
    assert fresh.ref in text(answered)
    assert "Since it was filled in" not in text(answered)
    sent = client.post(f"{base(draft)}send/", form, follow=True)
    assert "Sent to M. Okafor, who answers each request." in plain(sent)
    assert "Call Jo." in plain(sent)
    assert line_of(draft, morning.risky).to == cast.operator


@pytest.mark.parametrize("verb", ["save", "fill", "send"])
def test_a_double_click_is_carried_out_once(as_, draft, verb):
    client = as_("operator")
    form = form_of(client.get(base(draft)))
    first = client.post(f"{base(draft)}{verb}/", form)
    second = client.post(f"{base(draft)}{verb}/", form, follow=True)
    assert first.status_code == 302
    assert "Already recorded" in plain(second)
    draft.refresh_from_db()
    assert draft.version == 2


def test_a_stale_draft_is_a_conflict_that_keeps_the_note(as_, draft):
    client = as_("operator")
    form = form_of(client.get(base(draft)), note="Mine")
    client.post(f"{base(draft)}save/", {**form, "idempotency_key": "K1"})
    page = client.post(f"{base(draft)}send/", {**form, "idempotency_key": "K2"})
    assert page.status_code == 409
    assert "changed while you were reading. Nothing was recorded." in plain(page)
    assert "Mine" in text(page)


@pytest.mark.parametrize(
    "changes",
    [
        {"next_99999999": "x"},
        {"next_1": "x", "to_1": "nobody"},
        {"note": "x" * 2001},
        {"none_nowhere": "on"},
        {"version": "99999"},
    ],
)
def test_a_form_that_is_not_ours_changes_nothing(as_, draft, changes):
    client = as_("operator")
    form = form_of(client.get(base(draft)), **changes)
    assert client.post(f"{base(draft)}save/", form).status_code in (409, 422)
    draft.refresh_from_db()
    assert draft.version == 1
