"""The pages of single rules of a draft: nothing is saved that somebody did not mean."""

import re

import pytest
from django.test import Client

from accounts.models import User
from audit.models import Event
from policies.models import Draft
from tests.approvals.common import denied
from tests.policies.sent import sent
from tests.policies.test_drafts import TABLE, begin, change
from tests.policies.test_rule_forms import FULL


@pytest.fixture
def admin(cast) -> Client:
    return client(cast.admin)


def client(user: User) -> Client:
    found = Client()
    found.force_login(user)
    return found


@pytest.fixture
def draft(db, cast) -> Draft:
    table = [*TABLE, {**FULL, "steps": FULL["steps"][:1]}, {"name": "Last", "steps": []}]
    for rule in table[1:2]:
        rule["when"] = {**rule["when"], "requester_team": "Support"}
    return change(cast, begin(cast), table=table)


def url(draft: Draft, end: str = "") -> str:
    return f"/policies/refunds/drafts/{draft.pk}/{end}"


def text(answer) -> str:
    return answer.content.decode()


def table_of(draft: Draft) -> list:
    return Draft.objects.get(pk=draft.pk).table


def test_every_rule_has_its_links(admin, draft):
    page = text(admin.get(url(draft)))
    plain = re.sub(r"<[^>]+>", "", page)
    for words in (
        "Change All",
        "Move All down",
        "Remove Last",
        "Move Last up",
        "Change Everything",
    ):
        assert words in plain
    assert "Move All up" not in plain
    assert "Move Last down" not in plain


@pytest.mark.parametrize("number", [1, 2, 3])
def test_sent_as_it_was_shown_the_table_stays(admin, draft, number):
    page = admin.get(url(draft, f"rules/{number}/"))
    assert page.status_code == 200
    before = table_of(draft)
    assert admin.post(url(draft, f"rules/{number}/"), sent(text(page))).status_code == 302
    assert table_of(draft) == before
    assert Draft.objects.get(pk=draft.pk).purpose == draft.purpose


def test_a_rule_is_changed(admin, draft):
    page = text(admin.get(url(draft, "rules/1/")))
    said = {"name": "All of it", "kind": "refund", "currency": "EUR", "amount_from": "1,000.01"}
    step = {"steps__0__quorum": "", "steps__0__due_after": "4 hours", "purpose": "Fewer."}
    answer = admin.post(url(draft, "rules/1/"), sent(page, **said, **step), follow=True)
    assert "“All of it” is saved as rule 1 of the draft." in text(answer)
    assert table_of(draft)[0] == {
        "name": "All of it",
        "when": {"kind": "refund", "currency": "EUR", "amount_from": 100_001},
        "steps": [{"team": "Finance", "due_after": "4 h"}],
    }
    assert Draft.objects.get(pk=draft.pk).purpose == "Fewer."
    assert (
        Event.objects.filter(stream="policy/refunds").latest("seq").action == "policy.change_draft"
    )


def test_the_longest_rule_fits_into_one_form(cast, admin, draft):
    others = [f"Team {letter}" for letter in "ABCDEFGHIJ"]
    escalate = [{"after": f"{n} h", "do": "widen", "to": "Risk"} for n in range(1, 11)]
    step = {"team": "Finance", "also": others, "escalate": escalate, "person_present": True}
    change(cast, draft, table=[{**FULL, "steps": [step] * 10}])
    before = table_of(draft)
    page = text(admin.get(url(draft, "rules/1/")))
    assert admin.post(url(draft, "rules/1/"), sent(page)).status_code == 302
    assert table_of(draft) == before


def test_a_rule_is_added_where_it_was_chosen(admin, draft):
    page = text(admin.get(url(draft, "rules/new/?before=2")))
    assert sent(page)["place"] == ["2"]
    said = {"name": "Second", "steps__0__team": "Finance"}
    assert admin.post(url(draft, "rules/new/"), sent(page, **said)).status_code == 302
    assert [rule["name"] for rule in table_of(draft)] == ["All", "Second", "Everything", "Last"]
    assert table_of(draft)[1] == {"name": "Second", "steps": [{"team": "Finance"}]}


def test_without_a_word_it_goes_to_the_end(admin, draft):
    assert sent(text(admin.get(url(draft, "rules/new/"))))["place"] == ["4"]


def test_a_rule_is_removed_after_a_question(admin, draft):
    page = text(admin.get(url(draft, "rules/3/remove/")))
    assert "Remove “Last” from the draft?" in page
    answer = admin.post(url(draft, "rules/3/remove/"), sent(page), follow=True)
    assert "“Last” is removed from the draft." in text(answer)
    assert len(table_of(draft)) == 2


def test_rules_are_moved(admin, draft):
    said = sent(text(admin.get(url(draft))))
    answer = admin.post(url(draft, "rules/3/up/"), said, follow=True)
    assert "“Last” is rule 2 of the draft now." in text(answer)
    assert order_of(draft) == ["All", "Last", "Everything"]
    said = sent(text(admin.get(url(draft))))
    admin.post(url(draft, "rules/1/down/"), said)
    assert order_of(draft) == ["Last", "All", "Everything"]


def order_of(draft: Draft) -> list[str]:
    return [rule["name"] for rule in table_of(draft)]


def test_past_the_end_nothing_moves(admin, draft):
    said = sent(text(admin.get(url(draft))))
    answer = admin.post(url(draft, "rules/1/up/"), said, follow=True)
    assert "stands there already" in text(answer)
    assert order_of(draft) == ["All", "Everything", "Last"]


# --- Steps, without saving --------------------------------------------------------------------------


def rows(answer) -> list[str]:
    found = sent(text(answer))
    return [found[f"steps-{n}-team"][0] for n in range(int(found["steps-TOTAL_FORMS"][0]))]


def test_steps_are_added_moved_and_removed_before_anything_is_saved(admin, draft):
    there = url(draft, "rules/1/")
    answer = admin.post(there, sent(text(admin.get(there)), rows="add", amount_from="nonsense"))
    assert answer.status_code == 200
    assert rows(answer) == ["Finance", ""]
    assert "There is a problem" not in text(answer)
    assert 'value="nonsense"' in text(answer)
    said = sent(text(answer), steps__1__team="Operations", rows="up 1")
    answer = admin.post(there, said)
    assert rows(answer) == ["Operations", "Finance"]
    answer = admin.post(there, sent(text(answer), rows="escalate 1"))
    said = {"steps__1__escalate__0__after": "2 h", "steps__1__escalate__0__do": "remind"}
    answer = admin.post(there, sent(text(answer), rows="remove 0", **said))
    assert rows(answer) == ["Finance"]
    assert table_of(draft) == draft.table
    assert admin.post(there, sent(text(answer), amount_from="")).status_code == 302
    kept = {"team": "Finance", "quorum": 2, "escalate": [{"after": "2 h", "do": "remind"}]}
    assert table_of(draft)[0]["steps"] == [kept]


def test_spare_rows_are_no_steps(admin, draft):
    there = url(draft, "rules/1/")
    answer = admin.post(there, sent(text(admin.get(there)), rows="add"))
    answer = admin.post(there, sent(text(answer), rows="escalate 0"))
    assert admin.post(there, sent(text(answer))).status_code == 302
    assert table_of(draft) == draft.table


def test_there_are_never_more_than_ten(admin, draft):
    there, page = url(draft, "rules/1/"), ""
    answer = admin.get(there)
    for _ in range(12):
        answer = admin.post(there, sent(text(answer), rows="add"))
    assert len(rows(answer)) == 10
    page = sent(text(answer), steps__TOTAL_FORMS="5000")
    assert admin.post(there, page).status_code == 422


@pytest.mark.parametrize(
    "how", ["", "up", "up 0", "up 99", "remove -1", "nonsense", "escalate x", "add 7"]
)
def test_nonsense_about_rows_harms_nothing(admin, draft, how):
    there = url(draft, "rules/1/")
    answer = admin.post(there, sent(text(admin.get(there)), rows=how))
    assert answer.status_code == 200
    assert rows(answer)[0] in ("Finance", "")


# --- What is typed wrongly --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed_in", "said"),
    [
        ({"name": ""}, "Give the rule a name."),
        ({"name": "   "}, "Give the rule a name."),
        ({"name": "x" * 121}, "at most 120 characters"),
        ({"name": "a\x00b"}, "ull characters"),
        ({"name": "Small \u202erefunds"}, "characters that nobody sees"),
        ({"name": "\u200b"}, "characters that nobody sees"),
        ({"name": "Last"}, "Another rule is called “Last”"),
        ({"currency": "EUR", "amount_from": "-5"}, "Write the amount in EUR such as 124.00."),
        ({"currency": "EUR", "amount_from": "9" * 29}, "Write the amount in EUR"),
        ({"currency": "EUR", "amount_to": "9" * 16}, "at most EUR 90,071,992,547,409.91"),
        ({"currency": "EUR", "amount_to": "5\x00"}, "ull characters"),
        ({"currency": "JPY", "amount_to": "5.00"}, "JPY has no digits after the point."),
        ({"amount_from": "5.00"}, "Choose the currency of the amount."),
        ({"currency": "EUR", "amount_from": "6", "amount_to": "5"}, "at least as much"),
        ({"currency": "XXX"}, "Choose one of the list."),  # ISO 4217 for “no currency”
        ({"kind": "gift"}, "Choose one of the list."),
        ({"value_currency": "EUR"}, "how much it is worth"),
        ({"value_from": "5"}, "in which currency"),
        ({"recent_of": "customer"}, "within which time"),
        ({"recent_of": "customer", "recent_within": "0 d"}, "more than nothing"),
        ({"recent_of": "customer", "recent_within": "1 d"}, "either a number or a sum"),
        ({"recent_within": "1 d"}, "whose requests"),
        ({"recent_of": "customer", "recent_within": "1 d", "recent_total_from": "5"}, "of the sum"),
        (
            {"recent_of": "customer", "recent_within": "1 d", "recent_count_from": "9" * 40},
            "Write a whole number from 1 to",
        ),
        ({"max_attempts": "0"}, "from 1 to 50"),
        ({"max_attempts": "51"}, "from 1 to 50"),
        ({"max_attempts": "9" * 5000}, "from 1 to 50"),
        ({"max_attempts": "1.5"}, "from 1 to 50"),
        ({"expires_after": "91 d"}, "at most 90 days"),
        ({"start_delay": "soon"}, "Write a time such as"),
        ({"if_nobody_can": "approve"}, "Choose one of the list."),
        ({"steps__0__team": ""}, "Step 1: Choose the team, or remove the step."),
        ({"steps__0__team": "Nobody"}, "Step 1: Choose one of the list."),
        ({"steps__0__team": "Fin\u202eance"}, "Step 1: Choose one of the list."),
        ({"steps__0__quorum": "0"}, "Step 1: Write a whole number from 1 to 20."),
        ({"steps__0__quorum": "-1"}, "Step 1: Write a whole number from 1 to 20."),
        ({"steps__0__also": ["Finance"]}, "Step 1: Finance decides it already."),
        ({"steps__0__also": ["Nobody"]}, "Step 1: Choose teams of the list."),
        ({"steps__0__due_after": "1 h", "steps__0__warn_after": "61 min"}, "Step 1: Write a time"),
        ({"nobody": "on"}, "Remove its steps"),
        ({"steps__TOTAL_FORMS": "0"}, "Add a step, or say that nobody"),
        ({"steps__TOTAL_FORMS": "x"}, "not complete"),
        ({"steps__0__escalate__TOTAL_FORMS": "x"}, "not complete"),
        ({"purpose": "x" * 2001}, "2000 characters"),
    ],
    ids=lambda value: str(value)[:50].encode("ascii", "replace").decode(),
)
def test_what_is_typed_wrongly_is_said_beside_its_field_and_kept(admin, draft, typed_in, said):
    there = url(draft, "rules/1/")
    shown = sent(text(admin.get(there)), **{"purpose": "Kept words.", **typed_in})
    answer = admin.post(there, shown)
    assert answer.status_code == 422
    assert said in text(answer)
    assert "<title>Error: Change rule 1: All" in text(answer)
    assert "There is a problem. Nothing was recorded." in text(answer)
    if "purpose" not in typed_in:
        assert "Kept words." in text(answer)
    assert table_of(draft) == draft.table


def test_what_is_wrong_with_an_escalation(admin, draft):
    there = url(draft, "rules/1/")
    two = text(admin.post(there, sent(text(admin.get(there)), rows="escalate 0")))
    two = text(admin.post(there, sent(two, rows="escalate 0")))

    def said(**typed_in: str) -> str:
        fields = {f"steps__0__escalate__{name}": value for name, value in typed_in.items()}
        answer = admin.post(there, sent(two, **fields))
        assert answer.status_code == 422
        return text(answer)

    assert "Step 1, escalation 1: Write after which time" in said(**{"0__do": "remind"})
    assert "Step 1, escalation 2: Choose what happens." in said(**{"1__after": "1 h"})
    assert "Choose the other team." in said(**{"0__after": "1 h", "0__do": "widen"})
    lone = said(**{"0__after": "1 h", "0__do": "remind", "0__to": "Finance"})
    assert "Only where another team decides, too" in lone
    late = {"0__after": "2 h", "0__do": "remind", "1__after": "2 h", "1__do": "remind"}
    assert "Step 1, escalation 2: Write a later time" in said(**late)
    assert table_of(draft) == draft.table


def test_a_rule_without_steps_is_never_what_somebody_forgot(admin, draft):
    page = text(admin.get(url(draft, "rules/new/")))
    answer = admin.post(url(draft, "rules/new/"), sent(page, name="Forgot"))
    assert answer.status_code == 422
    assert "Add a step, or say that nobody has to approve it." in text(answer)
    answer = admin.post(url(draft, "rules/new/"), sent(page, name="Meant", nobody="on"))
    assert answer.status_code == 302
    assert table_of(draft)[-1] == {"name": "Meant", "steps": []}


# --- Who may not, and when not ----------------------------------------------------------------------

PAGES = ("rules/1/", "rules/new/", "rules/1/remove/")


@pytest.mark.parametrize("end", [*PAGES, "rules/1/down/"])
@pytest.mark.parametrize(
    ("who", "status"), [("operator", 403), ("auditor", 403), ("stranger", 404)]
)
def test_who_may_not(cast, admin, draft, end, who, status):
    user = getattr(cast, who)
    shown = admin.get(url(draft, end if end in PAGES else ""))
    if end in PAGES:
        assert client(user).get(url(draft, end)).status_code == status
    said = sent(text(shown), steps__0__team="Finance", name="Mine")
    assert client(user).post(url(draft, end), said).status_code == status
    if status == 403:
        assert len(denied(user)) == 1
    assert table_of(draft) == draft.table


@pytest.mark.parametrize("end", ["rules/9/", "rules/0/", "rules/9/remove/", f"rules/{'9' * 30}/"])
def test_what_there_is_not(admin, draft, end):
    assert admin.get(url(draft, end)).status_code == 404


def test_no_way_leads_sideways(admin, draft):
    assert admin.post(url(draft, "rules/1/sideways/")).status_code == 404
    assert admin.get(url(draft, "rules/1/down/")).status_code == 405


@pytest.mark.parametrize("state", ["published", "discarded"])
def test_what_is_over_is_not_written(admin, draft, state):
    shown = {end: sent(text(admin.get(url(draft, end)))) for end in PAGES}
    shown["rules/new/"] |= {"name": ["N"], "steps-0-team": ["Finance"]}
    Draft.objects.filter(pk=draft.pk).update(state=state)
    for end in PAGES:
        assert admin.get(url(draft, end))["Location"] == url(draft)
        answer = admin.post(url(draft, end), shown[end])
        assert answer.status_code == 409
        assert f"This draft is {state} already." in text(answer)
    page = text(admin.get(url(draft)))
    assert "Move" not in page
    assert table_of(draft) == draft.table


@pytest.mark.parametrize("end", [*PAGES, "rules/2/down/"])
def test_somebody_changed_it_meanwhile(cast, admin, draft, end):
    other = User.objects.get(email="admin2@demo.test")
    said = sent(
        text(admin.get(url(draft, end if end in PAGES else ""))),
        name="Mine, kept",
        steps__0__team="Finance",
    )
    now = change(cast, draft, by=other, table=draft.table[1:]).table
    answer = admin.post(url(draft, end), said)
    assert answer.status_code == 412 or answer.status_code == 409
    assert "changed while you were reading" in text(answer)
    assert ("Name: Mine, kept" in text(answer)) == (end in ("rules/1/", "rules/new/"))
    assert table_of(draft) == now


@pytest.mark.parametrize("changes", [{"name": ""}, {"rows": "add"}])
def test_nor_is_it_shown_again_over_what_is_another_by_now(cast, admin, draft, changes):
    said = sent(text(admin.get(url(draft, "rules/1/"))), **changes)
    change(cast, draft, table=draft.table[1:])
    answer = admin.post(url(draft, "rules/1/"), said)
    assert answer.status_code == 409
    assert "Step 1: Team: Finance" in text(answer)


@pytest.mark.parametrize("version", ["", "x", "-1", "0", "99", "9" * 30])
def test_a_version_that_nobody_saw(admin, draft, version):
    said = sent(text(admin.get(url(draft, "rules/1/"))), version=version)
    assert admin.post(url(draft, "rules/1/"), said).status_code == 409
    assert table_of(draft) == draft.table


@pytest.mark.parametrize("end", [*PAGES, "rules/1/down/"])
def test_a_double_click_does_it_once(admin, draft, end):
    said = sent(
        text(admin.get(url(draft, end if end in PAGES else ""))),
        name="Once",
        steps__0__team="Finance",
    )
    first = admin.post(url(draft, end), said)
    after = Draft.objects.get(pk=draft.pk)
    second = admin.post(url(draft, end), said)
    assert (first.status_code, second.status_code) == (302, 302)
    assert (after.version, after.table) == (draft.version + 1, table_of(draft))
    assert Draft.objects.get(pk=draft.pk).version == after.version


def test_the_same_key_for_something_else_is_refused(admin, draft):
    said = sent(text(admin.get(url(draft, "rules/1/"))))
    admin.post(url(draft, "rules/1/"), said)
    answer = admin.post(url(draft, "rules/1/"), said | {"name": ["Other"]})
    assert answer.status_code == 422
    assert "already sent" in text(answer)


def test_whoever_moves_a_rule_has_written_some_of_it(cast, draft):
    other = User.objects.get(email="admin2@demo.test")
    said = sent(text(client(other).get(url(draft))))
    assert client(other).post(url(draft, "rules/1/down/"), said).status_code == 302
    assert str(other.person_key) in Draft.objects.get(pk=draft.pk).contributor_keys


def test_markup_in_names_is_text(cast, admin, draft):
    change(cast, draft, table=[{"name": "<b>\u202eBold", "steps": []}, *TABLE])
    for end in ("", "rules/1/", "rules/1/remove/", "rules/new/"):
        page = text(admin.get(url(draft, end)))
        assert "&lt;b&gt;" in page
        assert "<b>" not in page
