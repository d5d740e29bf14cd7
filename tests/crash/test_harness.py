"""The judge of the crash test must complain: each wrong story is told to it, and one that is right."""

import copy
import random
from dataclasses import fields
from datetime import UTC, datetime
from email.message import Message
from types import SimpleNamespace

import pytest

from tests.crash.harness import checker, history, scenes, web
from tests.crash.harness.clients import form_of
from tests.crash.harness.history import BROKEN, BUSY, OK, REFUSED, UNKNOWN, Answer, Command
from tests.crash.harness.run import Report
from tests.crash.harness.seams import controls, failpoints
from tests.crash.harness.snapshot import Books

ASKER, FIRST, SECOND, TWIN = 1, 2, 3, 4
PERSON_OF = {ASKER: "asker", FIRST: "first", SECOND: "second", TWIN: "second"}
EFFECT = "aq-RF-1-abc"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
FORM = {"amount": "1,200.00", "currency": "EUR", "payment": "pi_1"}


def answered(kind: str = OK, said: str = "Done.", place: str = "/requests/RF-1/") -> Answer:
    return Answer(kind, {OK: 302, REFUSED: 409, BROKEN: 500}.get(kind), place, said)


def command(verb: str, account: int, *answers: Answer, key: str = "", form=None) -> Command:
    ref = "" if verb == "submit" else "RF-1"
    return Command(
        account, verb, key or f"{verb}-{account}", "/", form or {}, ref, False, [*answers]
    )


def event(seq: int, verb: str, account: int | None, state: str, xid: str) -> dict:
    key = f"{verb}-{account}"
    return {
        "stream": "request/RF-1",
        "seq": seq,
        "action": f"request.{verb}",
        "actor_type": "person" if account else "worker",
        "actor_id": str(account),
        "outcome": "success",
        "key_hash": checker.hash_of_key(key) if account else "",
        "target_id": "RF-1",
        "state": state,
        "xid": xid,
    }


def record(verb: str, account: int) -> dict:
    answer = {"ref": "RF-1", "sentence": "Done."}
    return {
        "principal": f"user:{account}",
        "key": f"{verb}-{account}",
        "operation": verb,
        "status": 200,
        "answer": answer,
    }


def decision(account: int) -> dict:
    return {
        "item_id": 1,
        "revision": 1,
        "step": 1,
        "choice": "approve",
        "decided_by_id": account,
        "voided_at": None,
        "content_hash": "h",
    }


def attempt(number: int, purpose: str, outcome: str) -> dict:
    return {
        "effect_id": 5,
        "number": number,
        "purpose": purpose,
        "outcome": outcome,
        "started_at": NOON,
    }


def booked(**changes) -> dict:
    return {
        "kind": "refund",
        "target": "pi_1",
        "effect_id": EFFECT,
        "reference": "re_1",
        "amount": 120_000,
        "currency": "eur",
        "status": "succeeded",
        "body": {},
        **changes,
    }


@pytest.fixture
def story() -> tuple[Books, list[Command]]:
    """A refund that two people approved and that was carried out, as everybody tells it."""
    books = Books(
        requests=[
            {
                "id": 1,
                "ref": "RF-1",
                "stream": "request/RF-1",
                "kind": "refund",
                "state": "done",
                "version": 5,
                "revision": 1,
                "payload": {"payment": "pi_1"},
                "requested_by_id": ASKER,
                "held_at": None,
            }
        ],
        effects=[
            {
                "id": 5,
                "item_id": 1,
                "key": EFFECT,
                "revision": 1,
                "content_hash": "h",
                "sent_at": NOON,
                "first_sent_at": NOON,
                "provider_reference": "re_1",
            }
        ],
        attempts=[attempt(1, "send", "done")],
        decisions=[decision(FIRST), decision(SECOND)],
        steps=[{"item_id": 1, "revision": 1, "number": 1, "quorum": 2}],
        events=[
            event(1, "submit", ASKER, "pending", "x1"),
            event(2, "approve", FIRST, "pending", "x2"),
            event(3, "approve", SECOND, "approved", "x3"),
            event(4, "start", None, "executing", "x4"),
            event(5, "succeed", None, "done", "x5"),
        ],
        records=[record("submit", ASKER), record("approve", FIRST), record("approve", SECOND)],
        outbox=[{"xid": "x3", "item_id": 1, "is_swept": False}],
        ledger=[booked()],
    )
    said = [
        command("submit", ASKER, answered(), form=FORM),
        command("approve", FIRST, Answer(UNKNOWN), answered()),
        command("approve", SECOND, answered()),
    ]
    return books, said


def findings(story: tuple[Books, list[Command]], person_of=PERSON_OF) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in checker.examine(checker.Case(*story, person_of)):
        found.setdefault(one.kind, set()).add(one.sentence)
    return found


def test_a_story_on_which_all_agree_has_no_findings(story):
    assert findings(story) == {}


def _forget(member: str, number: int):
    def change(books: Books, said: list[Command]) -> None:
        del getattr(books, member)[number]

    return change


def _set(member: str, number: int, **values):
    def change(books: Books, said: list[Command]) -> None:
        getattr(books, member)[number].update(values)

    return change


def _add(member: str, row: dict):
    def change(books: Books, said: list[Command]) -> None:
        getattr(books, member).append(row)

    return change


def _say(number: int, *answers: Answer):
    def change(books: Books, said: list[Command]) -> None:
        said[number].answers[:] = answers

    return change


def _all(*changes):
    def change(books: Books, said: list[Command]) -> None:
        for one in changes:
            one(books, said)

    return change


WRONG = {
    "a confirmed command without its record": (_forget("records", 1), "lost"),
    "a confirmed command without its event": (_forget("events", 1), "lost"),
    "a command with two events": (
        _add("events", event(6, "approve", SECOND, "done", "x6")),
        "doubled",
    ),
    "a key that is taken and has no answer": (_set("records", 1, status=0), "unexplained"),
    "another sentence at the replay": (_say(2, answered(), answered(said="Other.")), "unexplained"),
    "another sentence in the record": (
        _set("records", 1, answer={"ref": "RF-1", "sentence": "Other."}),
        "unexplained",
    ),
    "a refusal after the confirmation": (_say(2, answered(), answered(REFUSED)), "unexplained"),
    "a refused command that is recorded": (_say(2, answered(REFUSED)), "unexplained"),
    "a page that broke": (_say(2, answered(BROKEN), answered()), "unexplained"),
    "an event that nobody asked for": (
        _all(
            _set("events", 2, actor_id="99"),
            _forget("records", 2),
            lambda books, said: said.pop(),
        ),
        "unexplained",
    ),
    "two effects": (_add("ledger", booked(reference="re_2")), "doubled"),
    "an effect of no request": (_add("ledger", booked(effect_id="aq-?")), "unexplained"),
    "done without an effect": (_forget("ledger", 0), "lost"),
    "rejected and carried out": (
        _all(_set("requests", 0, state="rejected"), _set("events", 4, state="rejected")),
        "unexplained",
    ),
    "still executing after the drain": (
        _all(_set("requests", 0, state="executing"), _set("events", 4, state="executing")),
        "lost",
    ),
    "“nothing was sent”, and it was": (
        _all(
            _set("requests", 0, state="needs_person"),
            _set("events", 4, state="needs_person"),
            _set("effects", 0, sent_at=None),
        ),
        "unexplained",
    ),
    "another amount": (_set("ledger", 0, amount=120_001), "unexplained"),
    "another currency": (_set("ledger", 0, currency="usd"), "unexplained"),
    "another target": (_set("ledger", 0, target="pi_2"), "unexplained"),
    "another reference": (_set("effects", 0, provider_reference="re_9"), "unexplained"),
    "one approval of two": (_forget("decisions", 0), "unexplained"),
    "an approval of another revision": (_set("decisions", 0, revision=2), "unexplained"),
    "an approval that was taken back": (_set("decisions", 0, voided_at=NOON), "unexplained"),
    "an approval of other content": (_set("decisions", 0, content_hash="g"), "unexplained"),
    "an approval by the one who asked": (
        _set("decisions", 0, decided_by_id=ASKER),
        "unexplained",
    ),
    "two accounts of one person": (_set("decisions", 0, decided_by_id=TWIN), "unexplained"),
    "sent again without a question": (
        lambda books, said: books.attempts.insert(0, attempt(0, "send", "unknown")),
        "unexplained",
    ),
    "a question that the provider never heard": (
        lambda books, said: books.attempts.__setitem__(
            slice(0, 0), [attempt(0, "send", "unknown"), attempt(0, "look_up", "absent")]
        ),
        "unexplained",
    ),
    "an approval whose job is not of its transaction": (_set("outbox", 0, xid="x9"), "lost"),
    "a job for nothing": (
        _add("outbox", {"xid": "x8", "item_id": 8, "is_swept": False}),
        "unexplained",
    ),
    "a gap in the events": (_set("events", 3, seq=9), "unexplained"),
    "a state without an event": (_set("events", 4, state="retrying"), "unexplained"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_story_that_does_not_fit_is_found(story, wrong):
    change, kind = WRONG[wrong]
    books, said = copy.deepcopy(story)
    change(books, said)
    assert kind in findings((books, said))


def test_an_unknown_answer_may_have_been_recorded_or_not(story):
    books, said = story
    said[2].answers[:] = [Answer(UNKNOWN)]
    said.append(command("note", ASKER, Answer(UNKNOWN)))
    assert findings((books, said)) == {}


def test_a_replay_says_the_same_in_its_own_frame(story):
    books, said = story
    said[2].answers.append(answered(said="Already recorded: Done. Nothing was done twice."))
    assert findings((books, said)) == {}


def test_a_question_that_the_provider_heard_allows_another_try(story):
    books, said = story
    books.attempts[:0] = [attempt(0, "send", "unknown"), attempt(0, "look_up", "absent")]
    path = "/v1/refunds?payment_intent=pi_1&limit=100"
    books.calls.append({"method": "GET", "path": path, "received_at": "2026-11-24T12:00:00.100Z"})
    assert findings((books, said)) == {}


def test_a_request_on_hold_is_not_forgotten(story):
    books, said = story
    books.requests[0].update(state="approved", held_at=NOON)
    books.events[4]["state"] = "approved"
    books.ledger.clear()
    books.outbox.append({"xid": "x5", "item_id": 1, "is_swept": False})
    assert "lost" not in findings((books, said))


def test_a_second_content_under_one_key_must_not_be_confirmed(story):
    books, said = story
    said.append(command("approve", SECOND, answered()))
    assert "unexplained" in findings((books, said))


@pytest.mark.parametrize(
    ("status", "place", "body", "kind"),
    [
        (302, "/requests/RF-1/", b"", OK),
        (302, "/accounts/login/", b"", BROKEN),
        (200, "", b"", BROKEN),
        (401, "", b"", BROKEN),
        (409, "", b"Somebody decided it", REFUSED),
        (409, "", web.BUSY_PAGE, BUSY),
        (422, "", b"", REFUSED),
        (500, "", b"", BROKEN),
        (503, "", b"", UNKNOWN),
    ],
)
def test_what_an_answer_promises(status, place, body, kind):
    assert web.classified(status, place, body) == kind


def test_a_busy_page_is_told_by_the_product_s_own_words():
    from approvals.views.errors import _HEADINGS

    assert web.BUSY_PAGE.decode() == _HEADINGS["command-in-flight"]


def test_each_control_has_its_scene_and_each_point_its_place():
    assert scenes.names() == list(controls.CONTROLS)
    assert len(scenes.names()) == 10
    named = {*failpoints.COMMAND_POINTS, *failpoints.WORKER_POINTS, *failpoints.ELSEWHERE}
    assert len(named - {"webhook.in"}) == 18  # of the plan; hearing of webhooks is ours


def test_the_reference_of_what_was_submitted_comes_from_its_answer():
    asked = command("submit", ASKER, Answer(UNKNOWN), answered(place="/requests/RF-77/"))
    assert asked.ref_it_is_about == "RF-77"
    assert history.History().number() == 1


@pytest.mark.parametrize(("kind", "low", "high"), [("none", 100, 5000), ("two", 100_001, 900_000)])
def test_a_form_s_amount_asks_for_the_rule_that_is_meant(kind, low, high):
    draw = random.Random(1)
    for number in range(200):
        amount = int(form_of(kind, number, draw)["amount"].replace(".", ""))
        assert low <= amount <= high


def test_an_unarmed_point_does_nothing_and_an_armed_one_strikes_once(tmp_path, monkeypatch):
    struck = []
    (tmp_path / failpoints.HITS).mkdir()
    monkeypatch.setattr(failpoints, "_directory", tmp_path)
    monkeypatch.setitem(failpoints._ACTIONS, "kill", lambda: struck.append("kill"))
    failpoints.hit("after_lock")
    (tmp_path / "after_lock").write_text("kill")
    failpoints.hit("after_vote")
    failpoints.hit("after_lock")
    failpoints.hit("after_lock")
    assert struck == ["kill"]


@pytest.mark.parametrize(("acked", "is_worth_it"), [(0, False), (20, False), (60, True)])
def test_a_run_of_refusals_proves_nothing(acked, is_worth_it):
    names = {field.name: 0 for field in fields(Report)}
    assert Report(**{**names, "commands": 100, "acked": acked}).has_worked is is_worth_it


def test_who_is_sent_to_sign_in_comes_again(monkeypatch):
    """Where a run says so; everywhere else that is an answer that nobody should get."""

    class Refusing:
        status, headers = 401, Message()

        def read(self):
            return b""

    connection = SimpleNamespace(
        request=lambda *_, **__: None, getresponse=Refusing, close=lambda: None
    )
    monkeypatch.setattr(web.http.client, "HTTPConnection", lambda *_, **__: connection)
    account = SimpleNamespace(session="s")
    sent = command("approve", FIRST)
    for signed_out, kind in (((401,), BUSY), ((), BROKEN)):
        place = web.Web([("127.0.0.1", 1)], signed_out)
        assert place.send(account, sent, random.Random(1)).kind == kind
