"""Forgetting a customer: two persons, every table, and a past that is provable all the same."""

import io

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.utils import DatabaseError

from approvals import doctor, erasing, execution, proof
from approvals.api.showing import request_as_left
from approvals.commands import decide, erasure, operate
from approvals.kinds.base import Done
from approvals.kinds.refund import Refund
from approvals.models import ApprovalRequest, Decision, Erasure, State
from approvals.refusals import Invalid, NotAllowed, NotFound, TransitionNotAllowed
from audit.models import Event
from audit.verify import verify
from notifications.models import Letter, Notice

PASSWORD = "a good long password"
NAME, WORDS = "Ana Silva", "Ana called from Portimão."


def say(cast, command, item, reason: str) -> None:
    seen = {"revision": 1, "step": 1, "reason": reason}
    command(ref=item.ref, by=cast.approver, at=cast.now, key=cast.key(), **seen)


@pytest.fixture
def other_admin(cast):
    user = cast.second_operator
    user.is_staff = True
    user.save()
    return user


@pytest.fixture
def ended(cast):
    """A request of Ana's that was noted, held in doubt by nobody, and rejected with her name."""
    item = cast.ask(customer=NAME, reason=WORDS, ticket="ZD-77")
    operate.note(
        ref=item.ref,
        by=cast.operator,
        at=cast.now,
        key=cast.key(),
        reason=WORDS,
        show=request_as_left(cast.now),  # as a program is answered, for days
    )
    say(cast, decide.reject, item, WORDS)
    return cast.get(item.ref)


@pytest.fixture
def ask(cast):
    def run(customer=NAME, reason="She asked us to.", by=None):
        by = by or cast.admin
        return int(
            erasure.ask(customer=customer, reason=reason, by=by, at=cast.now, key=cast.key()).ref
        )

    return run


def forget(cast, number, by) -> int:
    erasure.confirm(number=number, by=by, at=cast.now, key=cast.key())
    return erasure.carry_out(number=number, at=cast.now)


def everything() -> str:
    """Every row of every table, as text."""
    found = []
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"SELECT t::text FROM {table} t")
            found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)


def test_nothing_of_them_is_left_in_any_table(cast, ended, ask, other_admin):
    before = everything()
    assert NAME in before
    assert WORDS in before
    assert "ZD-77" in before
    assert ended.payload["order"] in before
    assert forget(cast, ask(), other_admin) == 1
    after = everything()
    for word in (NAME, "Portimão", "ZD-77", ended.payload["order"], ended.content_hash):
        assert word not in after, word


def test_nor_of_what_was_carried_out_and_told(cast, ask, other_admin, monkeypatch):
    """What the provider said, what an approver wrote, and what people were told and mailed."""
    monkeypatch.setattr(Refund, "send", lambda self, effect: Done("re_9", f"Paid to {NAME}."))
    item = cast.ask(customer=NAME)
    say(cast, decide.approve, item, WORDS)
    execution.run(item.pk, wake=lambda *_: None)
    assert cast.get(item.ref).state == State.DONE
    letter = Letter.objects.create(
        user=cast.operator,
        message_id="1",
        subject="S",
        body=WORDS,
        written_at=cast.now,
        state="sent",
        sent_at=cast.now,
    )
    notice = {"user": cast.operator, "topic": "mentions", "mark": "m", "url": "/", "at": cast.now}
    Notice.objects.create(item=item, sentence=WORDS, letter=letter, **notice)
    assert forget(cast, ask(), other_admin) == 1
    after = everything()
    for word in (NAME, "Portimão", item.payload["payment"], item.content_hash):
        assert word not in after, word
    assert cast.get(item.ref).effect.provider_reference == "re_9"
    assert verify().breaks == []
    assert doctor.examine() == []


def test_the_record_is_intact_and_so_is_every_invariant(cast, ended, ask, other_admin):
    forget(cast, ask(), other_admin)
    assert verify().breaks == []
    assert doctor.examine() == []


def test_what_is_ours_stays(cast, ended, ask, other_admin):
    forget(cast, ask(), other_admin)
    item = cast.get(ended.ref)
    assert (item.state, item.amount, item.created_at) == (
        State.REJECTED,
        ended.amount,
        ended.created_at,
    )
    decision = Decision.objects.get(item=item)
    assert (decision.choice, decision.decided_by) == ("reject", cast.approver)
    assert [e.action for e in Event.objects.filter(stream=item.stream).order_by("seq")] == [
        *("request.submit", "request.note", "request.reject", "request.forget")
    ]


def test_the_same_person_does_not_confirm_nor_their_second_account(cast, ended, ask, other_admin):
    other_admin.person_key = cast.admin.person_key
    other_admin.save()
    number = ask()
    for by in (cast.admin, other_admin):
        with pytest.raises(NotAllowed, match="somebody else"):
            erasure.confirm(number=number, by=by, at=cast.now, key=cast.key())
    assert NAME in everything()


@pytest.mark.parametrize("who", ["operator", "approver", "auditor", "requester", "stranger"])
def test_only_administrators(cast, ended, ask, who):
    with pytest.raises(NotAllowed):
        ask(by=getattr(cast, who))
    number = ask()
    with pytest.raises(NotAllowed):
        erasure.confirm(number=number, by=getattr(cast, who), at=cast.now, key=cast.key())


def test_who_has_something_open_is_not_forgotten(cast, ended, ask, other_admin):
    number = ask()
    item = cast.ask(customer=" ana silva ")
    with pytest.raises(Invalid, match=f"{item.ref} is still open"):
        forget(cast, number, other_admin)
    with pytest.raises(Invalid):
        ask()
    assert NAME in everything()


@pytest.mark.parametrize("customer", ["", "   ", "Nobody", "x" * 101, "\x00"])
def test_a_customer_there_is(cast, ended, ask, customer):
    with pytest.raises(Invalid):
        ask(customer=customer)


def test_a_number_there_is_and_once(cast, ended, ask, other_admin):
    with pytest.raises(NotFound):
        erasure.confirm(number=99, by=other_admin, at=cast.now, key=cast.key())
    number = ask()
    with pytest.raises(TransitionNotAllowed):
        erasure.carry_out(number=number, at=cast.now)
    forget(cast, number, other_admin)
    with pytest.raises(TransitionNotAllowed):
        erasure.confirm(number=number, by=other_admin, at=cast.now, key=cast.key())


def test_who_was_killed_in_the_middle_goes_on(cast, ended, ask, other_admin):
    second = cast.ask(customer=NAME)
    say(cast, decide.reject, second, "x")
    number = ask()
    erasure.confirm(number=number, by=other_admin, at=cast.now, key=cast.key())
    erasing.forget(ended.pk, actor=other_admin.actor, at=cast.now, erasure=number)
    assert erasure.carry_out(number=number, at=cast.now) == 2
    assert erasure.carry_out(number=number, at=cast.now) == 2
    assert Erasure.objects.get().customer == ""


@pytest.mark.parametrize(
    "address",
    [
        "/requests/{}/",
        "/requests/{}/?at=2999-01-01T00:00",
        "/requests/{}/receipt/",
        "/queue/?view=all&state=rejected",
        "/lookup/?q={}",
        "/audit/?object={}",
        "/api/v1/requests/{}",
        "/api/v1/requests/{}/events",
    ],
)
def test_every_page_of_it_still_opens(client, cast, ended, ask, other_admin, address):
    forget(cast, ask(), other_admin)
    client.force_login(cast.operator if "audit" not in address else cast.auditor)
    answer = client.get(address.format(ended.ref))
    assert answer.status_code == 200
    shown = answer.content.decode()
    assert ended.ref in shown
    assert NAME not in shown
    assert "Portimão" not in shown


def test_its_page_says_so(client, cast, ended, ask, other_admin):
    forget(cast, ask(), other_admin)
    client.force_login(cast.operator)
    shown = client.get(f"/requests/{ended.ref}/").content.decode()
    assert "What it held of the customer was forgotten" in shown


def test_what_was_forgotten_is_never_sent(cast, ended, ask, other_admin):
    forget(cast, ask(), other_admin)
    item = cast.get(ended.ref)
    effect = type("Effect", (), {"content_hash": item.content_hash, "revision": 1})
    assert proof.is_approved(item, effect).code == "content-not-approved"


@pytest.mark.parametrize(
    "change",
    [
        "forgotten_at = now(), customer = 'forgotten', reason = '', ticket = '', amount = 1",
        "forgotten_at = now(), customer = 'x', reason = '', ticket = ''",
        "customer = 'forgotten', reason = ''",
    ],
)
def test_the_database_forgets_as_a_whole_or_not(cast, ended, change):
    with (
        pytest.raises(DatabaseError, match="forgotten|content changes only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            f"UPDATE approvals_approvalrequest SET version = version + 1, {change} WHERE id = %s",
            [ended.pk],
        )


def test_an_open_request_is_not_forgotten(cast):
    item = cast.ask()
    with pytest.raises(DatabaseError, match="only what has ended"), transaction.atomic():
        erasing.forget(item.pk, actor=cast.admin.actor, at=cast.now, erasure=1)
    assert ApprovalRequest.objects.get(pk=item.pk).customer == item.customer


def test_words_go_only_with_the_request(cast, ended):
    with (
        pytest.raises(DatabaseError, match="was not forgotten"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT approvals_forget(%s)", [ended.pk])


# --- By the command --------------------------------------------------------------------------------


@pytest.fixture
def type_in(monkeypatch, cast, other_admin):
    for user in (cast.admin, other_admin):
        user.set_password(PASSWORD)
        user.save()

    def run(*arguments: str, password: str = PASSWORD) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
        out = io.StringIO()
        call_command("forget_customer", *arguments, stdout=out)
        return out.getvalue()

    return run


def test_two_people_type_it_in(cast, ended, type_in, other_admin):
    said = type_in(NAME, "--reason=She asked.", f"--by={cast.admin.email}")
    number = Erasure.objects.get().pk
    assert f"confirms number {number}" in said
    with pytest.raises(CommandError, match="somebody else"):
        type_in(f"--confirm={number}", f"--by={cast.admin.email}")
    assert "1 request was forgotten" in type_in(f"--confirm={number}", f"--by={other_admin.email}")
    assert NAME not in everything()


def test_the_command_given_again_goes_on_where_it_was_killed(
    cast, ended, type_in, other_admin, monkeypatch
):
    type_in(NAME, "--reason=She asked.", f"--by={cast.admin.email}")
    confirm = [f"--confirm={Erasure.objects.get().pk}", f"--by={other_admin.email}"]
    with monkeypatch.context() as patch:
        patch.setattr(erasing, "forget", _killed)
        with pytest.raises(KeyboardInterrupt):
            type_in(*confirm)
    assert NAME in everything()
    assert "1 request was forgotten" in type_in(*confirm)
    assert NAME not in everything()
    with pytest.raises(CommandError, match="confirmed already"):
        type_in(*confirm)


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_wrong_password_forgets_nobody(cast, ended, type_in):
    with pytest.raises(CommandError, match="no such account"):
        type_in(NAME, "--reason=x", f"--by={cast.admin.email}", password="wrong")
    assert not Erasure.objects.exists()


@pytest.mark.parametrize("arguments", [[], [NAME, "--confirm=1"]])
def test_a_customer_or_a_number(cast, type_in, arguments):
    with pytest.raises(CommandError, match="Name a customer, or a number"):
        type_in(*arguments, f"--by={cast.admin.email}")
