"""What happened?: finding a request, its answer, and that a reply was copied."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from approvals import erasing, finding
from approvals.commands import decide
from approvals.kinds.base import Done
from approvals.replies import LANGUAGES, reviewed
from audit.models import Event
from tests.approvals.common import events_of
from tests.approvals.pages.common import queries_of, text


@pytest.fixture(autouse=True)
def one_moment(monkeypatch, now):
    """Pages look at the clock of the cast."""
    monkeypatch.setattr(timezone, "now", lambda: now)


def looked_up(client, typed: str, **more: str) -> str:
    return text(client.get("/lookup/", {"q": typed, **more}))


@pytest.fixture
def agent(as_):
    return as_("requester")


# --- Finding -----------------------------------------------------------------------------------------


def spellings(name: str) -> list[str]:
    return [
        name,
        name.lower(),
        f"  {name} ",
        name.replace("-", ""),
        name.replace("-", " "),
        name[::1].upper(),
    ]


@pytest.mark.parametrize("by", ["ref", "ticket", "order", "payment"])
def test_a_request_is_found_by_each_of_its_names_however_it_is_typed(cast, agent, by):
    item = cast.ask()
    cast.ask(customer="B. Other")
    name = getattr(item, by, None) or item.payload[by]
    for typed in spellings(name):
        page = looked_up(agent, typed)
        assert f"Your refund of EUR 88.00 for order {item.payload['order']} is being" in page, typed


@pytest.mark.parametrize(
    "typed", ["RF{n}", "rf {n}", "RF – {n}", "r f-{n}", "rf_{n}", "\u00a0rf\u2011{n}"]
)
def test_a_reference_is_found_without_its_dash(cast, agent, typed):
    item = cast.ask()
    assert item.ref in looked_up(agent, typed.format(n=item.ref.partition("-")[2]))


@pytest.mark.parametrize("typed", ["88120", "88 120", " 88-120", "88 1 20"])
def test_an_order_is_found_with_spaces_in_it(cast, agent, typed):
    item = cast.ask(payload={"order": "88120"})
    assert item.ref in looked_up(agent, typed)


def test_an_account_is_found(cast, agent):
    item = cast.ask_for_account_change(account="acct_5498")
    for typed in ("acct_5498", "ACCT 5498", "acct5498"):
        assert item.ref in looked_up(agent, typed)


@pytest.mark.parametrize("typed", ["re_1NxYz", "RE_1nxyz", " re 1nxyz"])
def test_a_request_is_found_by_the_providers_reference(cast, agent, provider, typed):
    provider.sends = Done("re_1NxYz")
    item = cast.approve(cast.ask())
    cast.run(item)
    assert item.ref in looked_up(agent, typed)


def test_a_request_is_found_by_its_key_at_the_provider(cast, agent):
    """As whoever runs the provider reads it there."""
    item = cast.approve(cast.ask())
    assert item.ref in looked_up(agent, f" {item.effect.key} ")


def test_a_request_is_found_by_the_reference_of_any_call(cast, agent):
    """Also when its effect has another, or none."""
    item = cast.approve(cast.ask())
    item.effect.tries.create(
        number=1,
        epoch=1,
        purpose="send",
        worker="w",
        started_at=cast.now,
        provider_reference="re_9",
    )
    assert item.ref in looked_up(agent, "RE 9")


@pytest.mark.parametrize("typed", ["A. Silva", "a silva", "silva", "Sil", "SILVA A"])
def test_a_customer_with_two_requests_is_asked_about(cast, agent, typed):
    first, second = cast.ask(), cast.ask()
    page = looked_up(agent, typed)
    assert "Which one?" in page
    assert first.ref in page
    assert second.ref in page


def test_nothing_of_others_is_found(cast, as_):
    item = cast.ask()
    assert f"No request for “{item.ref}” in the last 90 days." in looked_up(
        as_("stranger"), item.ref
    )


@pytest.mark.parametrize(
    "typed", ["", "   ", "nothing", "<b>", "%", "_", "-", " - ", "\u202e", "'", "a & b", "x" * 5000]
)
def test_anything_typed_gives_a_page(cast, agent, typed):
    cast.ask()
    assert agent.get("/lookup/", {"q": typed}).status_code == 200


@pytest.mark.parametrize("typed", ["%", "_", "-", ".", "'", "''", "& | !", "\\"])
def test_signs_alone_name_nothing(cast, typed):
    cast.ask(ticket="")
    assert list(finding.named(typed)) == list(finding.resembling(typed)) == []


def test_what_is_older_than_90_days_is_found_when_asked_for(cast, agent, now):
    item = cast.ask(at=now - timedelta(days=91))
    page = looked_up(agent, item.ticket)
    assert f"No request for “{item.ticket}” in the last 90 days. Check the number" in page
    [older] = re.findall(r'href="(/lookup/\?[^"]*older=yes)"', page)
    page = text(agent.get(older.replace("&amp;", "&")))
    assert f"{item.payload['order']} is being checked" in page


def test_what_is_not_there_at_all_is_said_so(cast, agent):
    page = looked_up(agent, "ZD-0000", older="yes")
    assert "No request for “ZD-0000”. Check the number, or search by customer." in page
    assert "Search older" not in page
    assert '<a class="button" href="/requests/new/">New request</a>' in page


def test_a_line_of_several_leads_to_the_answer_also_when_it_is_old(cast, agent, now):
    old = cast.ask(at=now - timedelta(days=100))
    cast.ask()
    page = looked_up(agent, "A. Silva", older="yes")
    [address] = re.findall(rf'href="(/lookup/\?q={old.ref}[^"]*)"', page)
    assert "is being checked" in text(agent.get(address.replace("&amp;", "&")))


# --- The answer --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            "Your refund of EUR 88.00 for order {order} is being checked and has not been sent yet.",
        ),
        ("de", "Ihre Erstattung über 88,00\u00a0EUR für die Bestellung {order} wird geprüft"),
        ("fr", "Votre remboursement de 88,00\u00a0EUR pour la commande {order} est en cours"),
        ("es", "Su reembolso de 88,00\u00a0EUR del pedido {order} se está revisando"),
    ],
)
def test_the_text_is_in_the_chosen_language(cast, agent, language, words):
    item = cast.ask()
    page = looked_up(agent, item.ref, language=language)
    assert words.format(order=item.payload["order"]) in page
    assert f'<option value="{language}" selected>{LANGUAGES[language].name}</option>' in page
    assert f'id="reply" class="copy-text" lang="{language}"' in page


def test_an_unknown_language_is_english(cast, agent):
    assert "is being checked" in looked_up(agent, cast.ask().ref, language="xx")


def test_without_a_reviewed_text_nothing_can_be_copied(cast, agent, monkeypatch):
    monkeypatch.setattr(reviewed, "reviews_in", lambda folder: {})
    page = looked_up(agent, cast.ask().ref)
    assert "No text for the customer has been reviewed" in page
    assert "data-copy" not in page


def test_operations_are_asked_by_a_note(cast, agent):
    item = cast.ask()
    page = looked_up(agent, item.ref)
    assert f'action="/requests/{item.ref}/note/"' in page
    [question] = re.findall(r'<textarea[^>]+id="question"[^>]*>([^<]+)</textarea>', page)
    agent.post(f"/requests/{item.ref}/note/", {"reason": question, "idempotency_key": cast.key()})
    noted = events_of(item)[-1]
    assert (noted.action, noted.reason) == (
        "request.note",
        f"The customer asks again (ticket {item.ticket}). What can I tell them, and by when?",
    )


# --- The reply was copied ----------------------------------------------------------------------------


def form_of(page: str) -> dict[str, str]:
    """What the form around the reply would send."""
    form = page[page.index('class="copy-box"') : page.index('id="reply"')]
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))


def copies(client, item, *, typed: str = "", script: bool = False, **changes: str):
    form = {**form_of(looked_up(client, typed or item.ref, **changes)), "csrfmiddlewaretoken": ""}
    headers = {"HX-Request": "true"} if script else {}
    return form, client.post(f"/requests/{item.ref}/copy-reply/", form, headers=headers)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_copied_reply_is_an_event_with_its_words(cast, agent, language):
    item = cast.ask()
    copies(agent, item, language=language)
    told = events_of(item)[-1]
    assert told.action == "request.copy_reply"
    assert told.actor_label == cast.requester.name
    assert told.facts["reply"] == f"{language}/refund/checking"
    assert told.facts["language_name"] == LANGUAGES[language].name
    assert item.payload["order"] in told.reason
    assert told.reason in looked_up(agent, item.ref, language=language)


def test_the_timeline_says_who_copied_which_reply(cast, agent):
    item = cast.ask()
    copies(agent, item)
    page = text(agent.get(f"/requests/{item.ref}/"))
    assert "Copied reply v1 (English) for the customer" in page


def test_copying_touches_neither_state_nor_revision_nor_content(cast, agent):
    item = cast.ask()
    copies(agent, item)
    after = cast.get(item.ref)
    assert after.version == item.version + 1
    kept = ("state", "revision", "content_hash", "step", "waiting_since", "due_at", "owner_id")
    assert [getattr(after, name) for name in kept] == [getattr(item, name) for name in kept]


def test_the_same_copy_twice_is_one_event(cast, agent):
    item = cast.ask()
    form, _ = copies(agent, item)
    before = len(events_of(item))
    agent.post(f"/requests/{item.ref}/copy-reply/", form)
    assert len(events_of(item)) == before


def test_a_script_is_told_in_one_sentence(cast, agent):
    _, answer = copies(agent, cast.ask(), script=True)
    assert (answer.status_code, answer.content.decode()) == (
        200,
        "Recorded: you copied reply v1 (English).",
    )


def test_without_a_script_the_answer_comes_back_and_says_so(cast, agent):
    item = cast.ask()
    _, answer = copies(agent, item, language="de")
    page = text(agent.get(answer["Location"]))
    assert "Recorded: you copied reply v1 (German)." in page
    assert "Ihre Erstattung" in page


@pytest.mark.parametrize(("script", "status"), [(True, 412), (False, 409)])
def test_a_reply_that_is_not_true_any_more_is_not_recorded(cast, agent, script, status):
    item = cast.ask()
    form = form_of(looked_up(agent, item.ref))
    cast.approve(item)
    before = len(events_of(item))
    headers = {"HX-Request": "true"} if script else {}
    answer = agent.post(f"/requests/{item.ref}/copy-reply/", form, headers=headers)
    assert answer.status_code == status
    assert "Do not send what you copied" in text(answer)
    assert len(events_of(item)) == before


def test_who_does_not_see_the_answer_cannot_copy_it(cast, agent, as_):
    item = cast.ask()
    form = form_of(looked_up(agent, item.ref))
    answer = as_("stranger").post(f"/requests/{item.ref}/copy-reply/", form)
    assert answer.status_code == 404
    assert not Event.objects.filter(action="request.copy_reply", outcome="success").exists()


@pytest.mark.parametrize("language", ["", "xx", "EN"])
def test_a_language_that_is_none_is_refused(cast, agent, language):
    item = cast.ask()
    form = {**form_of(looked_up(agent, item.ref)), "language": language}
    assert agent.post(f"/requests/{item.ref}/copy-reply/", form).status_code == 400


def test_the_address_alone_leads_to_the_answer(cast, agent):
    item = cast.ask()
    answer = agent.get(f"/requests/{item.ref}/copy-reply/")
    assert answer["Location"].startswith(f"/lookup/?q={item.ref}")


def test_what_is_called_exactly_so_comes_before_what_is_called_like_it(cast, agent):
    exact = cast.ask(customer="Sil")
    cast.ask(customer="Silva")
    page = looked_up(agent, "sil")
    assert f'href="/requests/{exact.ref}/"' in page
    assert "Which one?" not in page


@pytest.mark.parametrize("typed", ["ZD", "Sil", "A. Silva", "nothing"])
@pytest.mark.parametrize("who", ["requester", "operator", "approver"])
def test_a_lookup_asks_the_database_at_most_twelve_questions(cast, as_, provider, who, typed):
    cast.run(cast.approve(cast.ask()))
    cast.ask()
    assert queries_of(as_(who), f"/lookup/?q={typed}") <= 12


def test_who_is_forgotten_is_no_customer_that_others_have_in_common(cast, agent):
    refs = []
    for customer in ("B. Other", "C. Third"):
        item = cast.ask(customer=customer)
        seen = {"revision": 1, "step": 1, "reason": "No."}
        decide.reject(ref=item.ref, by=cast.approver, at=cast.now, key=cast.key(), **seen)
        erasing.forget(item.pk, actor=cast.admin.actor, at=cast.now, erasure=1)
        refs.append(item.ref)
    page = looked_up(agent, refs[0])
    assert refs[0] in page
    assert refs[1] not in page
