"""The pages on which a handoff is answered or taken back."""

import pytest

from audit.models import Event
from handoffs.models import Choice
from tests.approvals.pages.common import hidden, text
from tests.handoffs.common import ALL_NONES, answer, line_of, send, start, typed
from tests.handoffs.pages.common import base, plain

pytestmark = pytest.mark.usefixtures("db")


def test_the_receiver_answers_line_by_line(cast, as_, sent, morning):
    client = as_("second_operator")
    page = text(client.get(base(sent)))
    answers = [(morning.people, "accept", ""), (morning.risky, "question", "Who?")]
    answers += [(morning.held, "cannot", "I am alone.")]
    for number, (item, choice, words) in enumerate(answers):
        path = f"{base(sent)}lines/{line_of(sent, item).pk}/{choice}/"
        assert path in page
        form = {"idempotency_key": f"K{number}", "reason": words}
        assert client.post(path, form)["Location"] == base(sent)
    shown = plain(client.get(base(sent)))
    assert "3 of 4 answered." in shown
    assert f"Accepted 09:15 UTC by M. Okafor. {cast.second_operator.name} owns it now." in shown
    assert "Accepted with a question" in shown
    assert "Who?" in shown
    assert "I am alone." in shown
    assert [cast.get(item.ref).owner for item, *_ in answers] == [
        cast.second_operator,
        cast.second_operator,
        None,
    ]


@pytest.mark.parametrize("choice", Choice.values)
def test_each_answer_has_a_page_that_says_what_it_does(cast, as_, sent, morning, choice):
    path = f"{base(sent)}lines/{line_of(sent, morning.people).pk}/{choice}/"
    page = as_("second_operator").get(path)
    assert "An answer is final." in plain(page)
    assert morning.people.ref in plain(page)
    assert 'name="reason"' in text(page) or choice == "accept"


@pytest.mark.parametrize(
    ("choice", "sentence"), [("question", "Write your question."), ("cannot", "Say why you cannot")]
)
def test_a_missing_reason_is_said_at_its_field(as_, sent, morning, choice, sentence):
    path = f"{base(sent)}lines/{line_of(sent, morning.people).pk}/{choice}/"
    for words in ("", "  ", "\u202e"):
        page = as_("second_operator").post(path, {"idempotency_key": "K", "reason": words})
        assert page.status_code == 422
        assert sentence in plain(page)
        assert hidden(page, "idempotency_key") == "K"


def test_an_answer_in_another_tab_is_a_conflict(as_, sent, morning):
    client = as_("second_operator")
    path = f"{base(sent)}lines/{line_of(sent, morning.people).pk}"
    client.post(f"{path}/accept/", {"idempotency_key": "K1"})
    page = client.post(f"{path}/cannot/", {"idempotency_key": "K2", "reason": "Not me."})
    assert page.status_code == 409
    assert "was answered at 09:15 UTC: accepted. Answers are final." in plain(page)
    assert "Not me." in text(page)


def test_all_that_is_left_is_accepted_on_a_page_of_its_own(cast, as_, sent, morning):
    client = as_("second_operator")
    answer(cast, sent, morning.risky, "cannot", text="Not me.")
    path = f"{base(sent)}accept-all/"
    assert "Accept all 3…" in text(client.get(base(sent)))
    page = client.get(path)
    assert "Accept all 3 that wait for an answer?" in plain(page)
    form = {"idempotency_key": hidden(page, "idempotency_key")}
    assert "3 accepted." in plain(client.post(path, form, follow=True))
    assert "Nothing was done twice." in plain(client.post(path, form, follow=True))
    assert Event.objects.filter(action="handoff.answer").count() == 4


def test_a_report_without_requests_is_read_with_one_button(cast, as_):
    draft = start(cast)
    sent = send(cast, draft, typed=typed(draft, nones=ALL_NONES))
    client = as_("second_operator")
    assert "I have read it" in text(client.get(base(sent)))
    page = client.post(f"{base(sent)}acknowledge/", {"idempotency_key": "K"}, follow=True)
    assert "has read it." in plain(page)
    assert plain(page).count("None.") == 5


def test_the_sender_withdraws_it_on_a_page_of_its_own(cast, as_, sent):
    client = as_("operator")
    page = client.get(f"{base(sent)}withdraw/")
    form = {name: hidden(page, name) for name in ("idempotency_key", "version")}
    assert "Withdrawn" in plain(client.post(f"{base(sent)}withdraw/", form, follow=True))
    assert "Withdraw…" not in text(client.get(base(sent)))


def test_a_draft_is_discarded_and_only_its_sender_ever_sees_it(as_, draft):
    client = as_("operator")
    page = client.get(f"{base(draft)}withdraw/")
    form = {name: hidden(page, name) for name in ("idempotency_key", "version")}
    discarded = plain(client.post(f"{base(draft)}withdraw/", form, follow=True))
    assert "The draft is discarded. Nobody else saw it." in discarded
    assert as_("second_operator").get(base(draft)).status_code == 404
    assert base(draft) not in text(client.get("/handoff/"))
