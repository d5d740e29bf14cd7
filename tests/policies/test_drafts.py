"""Drafts of policies: who writes, who publishes, and everything that refuses them."""

import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import grants
from accounts.models import User
from approvals import policy_file
from approvals.commands.policies import load_policy
from approvals.models import Policy, PolicyVersion, Queue
from approvals.policy_lint import covers, lint
from approvals.policy_table import MalformedPolicy, parse
from approvals.refusals import Invalid, NotAllowed, NotFound, TransitionNotAllowed, VersionMismatch
from audit.models import Event
from policies.commands import drafts
from policies.models import Draft, DraftState
from tests.approvals.common import denied

TABLE = [{"name": "All", "steps": [{"team": "Finance", "quorum": 2}]}]


@pytest.fixture
def second(cast) -> User:
    """Another administrator of policies."""
    for queue in Queue.objects.all():
        for right in ("view_queue", "manage_policy"):
            grants.give(right, to=cast.second_operator, on=queue)
    return cast.second_operator


def begin(cast, *, by: User | None = None, number: int | None = None) -> Draft:
    said = {"by": by or cast.admin, "at": cast.now, "key": cast.key()}
    return Draft.objects.get(pk=int(drafts.begin(slug="refunds", number=number, **said).ref))


def change(cast, draft: Draft, *, by: User | None = None, **changes: object) -> Draft:
    said = {
        "version": draft.version,
        "name": "Refunds",
        "table": TABLE,
        "purpose": "Two pairs of eyes for everything.",
        "by": by or cast.admin,
        "at": cast.now,
        "key": cast.key(),
    }
    drafts.change(pk=draft.pk, **{**said, **changes})
    return Draft.objects.get(pk=draft.pk)


def publish(cast, draft: Draft, by: User, **changes: object) -> PolicyVersion:
    said = {"version": draft.version, "by": by, "at": cast.now, "key": cast.key()}
    drafts.publish(pk=draft.pk, **{**said, **changes})
    return Policy.objects.get(slug="refunds").live


@pytest.mark.usefixtures("db")
class TestPublishing:
    def test_by_a_second_person_it_is_live(self, cast, second):
        before = Policy.objects.get(slug="refunds").live
        draft = change(cast, begin(cast))
        live = publish(cast, draft, second)
        assert (live.number, live.table) == (before.number + 1, TABLE)
        assert (live.loaded_by, live.reason) == (second, "Two pairs of eyes for everything.")
        draft.refresh_from_db()
        assert (draft.state, draft.published_as) == (DraftState.PUBLISHED, live)
        told = Event.objects.filter(stream="policy/refunds").order_by("seq")
        assert [e.action for e in told][-3:] == [
            "policy.draft",
            "policy.change_draft",
            "policy.publish",
        ]
        assert cast.ask().open_step.quorum == 2

    def test_nobody_publishes_what_they_wrote(self, cast, second):
        draft = change(cast, change(cast, begin(cast)), by=second)
        for author in (cast.admin, second):
            with pytest.raises(NotAllowed, match="somebody else publishes it"):
                publish(cast, draft, author)
        assert Policy.objects.get(slug="refunds").live.number == 1

    def test_nor_from_a_second_account(self, cast, second):
        User.objects.filter(pk=second.pk).update(person_key=cast.admin.person_key)
        draft = change(cast, begin(cast))
        with pytest.raises(NotAllowed, match="somebody else"):
            publish(cast, draft, User.objects.get(pk=second.pk))

    def test_going_back_is_written_by_who_goes_back(self, cast, second):
        first = Policy.objects.get(slug="refunds").live
        publish(cast, change(cast, begin(cast)), second)
        draft = change(cast, begin(cast, number=1), table=first.table, purpose="It was better.")
        with pytest.raises(NotAllowed):
            publish(cast, draft, cast.admin)
        live = publish(cast, draft, second)
        assert (live.number, live.table) == (3, first.table)

    def test_going_back_without_a_word_changed_is_theirs_too(self, cast, second):
        publish(cast, change(cast, begin(cast)), second)
        draft = begin(cast, number=1)
        Draft.objects.filter(pk=draft.pk).update(purpose="Back.")
        with pytest.raises(NotAllowed, match="somebody else"):
            publish(cast, draft, cast.admin)

    def test_what_was_not_seen_is_not_published(self, cast, second):
        draft = change(cast, begin(cast))
        change(cast, draft, table=[*TABLE, {"name": "B", "steps": []}])
        with pytest.raises(VersionMismatch):
            publish(cast, draft, second)

    def test_somebody_published_meanwhile(self, cast, second):
        draft = change(cast, begin(cast))
        other = [{"name": "Other", "steps": [{"team": "Finance"}]}]
        load_policy(slug="refunds", name="Refunds", table=other, at=cast.now)
        with pytest.raises(TransitionNotAllowed, match="was published meanwhile"):
            publish(cast, draft, second)
        said = {"version": draft.version, "by": second, "at": cast.now, "key": cast.key()}
        drafts.rebase(pk=draft.pk, **said)
        draft.refresh_from_db()
        assert publish(cast, draft, second).table == TABLE

    def test_only_with_a_purpose_and_a_difference(self, cast, second):
        with pytest.raises(TransitionNotAllowed, match="says the same"):
            publish(cast, begin(cast), second)
        with pytest.raises(Invalid, match="what it is for"):
            publish(cast, change(cast, begin(cast), purpose=" "), second)

    def test_a_table_with_an_error_stays_a_draft(self, cast, second):
        hidden = [*TABLE, {"name": "Hidden", "when": {"kind": "refund"}, "steps": []}]
        draft = change(cast, begin(cast), table=hidden)
        with pytest.raises(Invalid) as seen:
            publish(cast, draft, second)
        assert "“Hidden” never counts" in seen.value.errors["table"]

    def test_once_it_is_over_it_is_over(self, cast, second):
        draft = change(cast, begin(cast))
        publish(cast, draft, second)
        draft.refresh_from_db()
        with pytest.raises(TransitionNotAllowed, match="published already"):
            change(cast, draft)
        other = begin(cast)
        said = {"version": 1, "by": cast.admin, "at": cast.now, "key": cast.key()}
        drafts.discard(pk=other.pk, **said)
        other.refresh_from_db()
        with pytest.raises(TransitionNotAllowed, match="discarded already"):
            publish(cast, other, second)

    def test_a_double_click_publishes_once(self, cast, second):
        draft = change(cast, begin(cast))
        key = cast.key()
        publish(cast, draft, second, key=key)
        publish(cast, draft, second, key=key)
        assert PolicyVersion.objects.filter(policy__slug="refunds").count() == 2


@pytest.mark.usefixtures("db")
class TestWhoMayNot:
    @pytest.mark.parametrize("who", ["operator", "approver", "requester", "auditor"])
    def test_who_does_not_manage_it(self, cast, who):
        user = getattr(cast, who)
        with pytest.raises(NotAllowed):
            begin(cast, by=user)
        assert len(denied(user)) == 1
        assert not Draft.objects.exists()

    def test_a_stranger_learns_nothing(self, cast):
        with pytest.raises(NotFound):
            begin(cast, by=cast.stranger)

    def test_a_token(self, cast):
        cast.admin.auth_method = "token"
        with pytest.raises(NotAllowed, match="in the browser"):
            begin(cast)

    def test_what_there_is_not(self, cast):
        with pytest.raises(NotFound):
            begin(cast, number=99)
        with pytest.raises(NotFound):
            change(cast, Draft(pk=99, version=1))

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"table": []}, "table"),
            ({"table": [{"name": "X"}]}, "table"),
            ({"table": "rules"}, "table"),
            ({"name": ""}, "name"),
            ({"name": "x" * 121}, "name"),
            ({"name": "a\x00b"}, "name"),
            ({"purpose": "x" * 2001}, "purpose"),
        ],
    )
    def test_what_is_malformed_is_not_saved(self, cast, changes, field):
        draft = begin(cast)
        with pytest.raises(Invalid) as seen:
            change(cast, draft, **changes)
        assert field in seen.value.errors
        assert Draft.objects.get(pk=draft.pk).version == 1

    def test_a_stale_draft_is_not_written_over(self, cast, second):
        draft = begin(cast)
        change(cast, draft, by=second)
        with pytest.raises(VersionMismatch):
            change(cast, draft, table=[{"name": "Mine", "steps": []}])
        assert Draft.objects.get(pk=draft.pk).table == TABLE


def test_two_who_publish_at_once_do_so_once(committed_db, cast, second):
    one = change(cast, begin(cast))
    other = change(cast, begin(cast), table=[{"name": "B", "steps": [{"team": "Finance"}]}])
    ready, seen = threading.Barrier(2), []

    def run(draft: Draft) -> None:
        ready.wait()
        try:
            publish(cast, draft, second)
            seen.append("published")
        except TransitionNotAllowed as refusal:
            seen.append(refusal.sentence[:9])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[draft]) for draft in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == ["Version 2", "published"]
    assert PolicyVersion.objects.filter(policy__slug="refunds").count() == 2


# --- Lint -----------------------------------------------------------------------------------------

TEAMS = {"Finance", "Empty"}


def found(*rules: dict) -> list[str]:
    table = parse([{"steps": [{"team": "Finance"}], **rule} for rule in rules])
    return [one.sentence for one in lint(table, teams=TEAMS, served={"refund"})]


EUR = {"currency": "EUR"}


@pytest.mark.parametrize(
    ("above", "below", "is_hidden"),
    [
        ({}, {"kind": "refund"}, True),
        ({"kind": "refund"}, {}, False),
        ({"kind": "refund"}, {"kind": "manual"}, False),
        (EUR | {"amount_from": 100}, EUR | {"amount_from": 100}, True),
        (EUR | {"amount_from": 100}, EUR | {"amount_from": 99}, False),
        (EUR | {"amount_to": 100}, EUR | {"amount_from": 50, "amount_to": 100}, True),
        (EUR | {"amount_to": 100}, EUR | {"amount_from": 50, "amount_to": 101}, False),
        (EUR | {"amount_from": 1}, {"currency": "USD", "amount_from": 1}, False),
        (EUR, EUR | {"amount_from": 1}, True),
        ({"origin": "api"}, {"origin": "api", "kind": "refund"}, True),
        ({"requester_team": "Empty"}, {"kind": "refund"}, False),
        (
            {"value_currency": "EUR", "value_from": 5},
            {"value_currency": "EUR", "value_from": 9},
            True,
        ),
    ],
)
def test_a_rule_that_never_counts_is_named(above, below, is_hidden):
    assert covers(above, below) == is_hidden
    sentences = found({"name": "Above", "when": above}, {"name": "Below", "when": below})
    assert any("“Below” never counts: “Above”" in text for text in sentences) == is_hidden


def test_names_that_do_not_exist():
    sentences = found(
        {"name": "R", "when": {"kind": "gift", "currency": "EUX"}, "steps": [{"team": "Nobody"}]}
    )
    assert "“R”: there is no kind “gift”." in sentences
    assert "“R”: there is no currency “EUX”." in sentences
    assert "“R”: there is no team “Nobody”." in sentences


def test_what_no_rule_catches():
    assert found({"name": "R", "when": EUR}) == [
        "No rule catches every refund: what none covers is refused."
    ]
    assert found({"name": "R", "when": {"kind": "refund"}}) == []


# --- Files ----------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1)
STEP = st.fixed_dictionaries(
    {"team": TEXT},
    optional={
        "quorum": st.integers(1, 20),
        "due_after": st.sampled_from(["20 min", "4 h", "2 d"]),
        "person_present": st.booleans(),
        "escalate": st.just([{"after": "1 h", "do": "widen", "to": "Other"}]),
    },
)
RULE = st.fixed_dictionaries(
    {"name": TEXT.filter(lambda text: len(text) <= 120), "steps": st.lists(STEP, max_size=3)},
    optional={
        "when": st.just({"currency": "EUR", "amount_from": 5, "recent": {"of": "customer"}}),
        "distinct_people": st.booleans(),
    },
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(RULE, min_size=1, max_size=4, unique_by=lambda rule: rule["name"]))
def test_a_file_reads_back_to_the_same_table(table):
    for rule in table:
        if "when" in rule:
            rule["when"] = {"currency": "EUR", "amount_from": 5}
    text = policy_file.write(slug="s", name="N", table=table)
    try:
        parse(table)
    except MalformedPolicy:
        with pytest.raises(MalformedPolicy):
            policy_file.read(text, called="f")
        return
    assert policy_file.read(text, called="f") == {"slug": "s", "name": "N", "table": table}


@pytest.mark.usefixtures("db")
class TestCommands:
    def test_dumped_and_loaded_nothing_changes(self, cast, tmp_path, capsys):
        call_command("dump_policy", "refunds")
        file = tmp_path / "refunds.toml"
        file.write_text(capsys.readouterr().out)
        call_command("load_policy", file)
        assert PolicyVersion.objects.filter(policy__slug="refunds").count() == 1

    def test_an_older_version(self, cast, capsys):
        first = Policy.objects.get(slug="refunds").live
        load_policy(slug="refunds", name="Refunds", table=TABLE, at=cast.now)
        call_command("dump_policy", "refunds", "--version-number", "1")
        read = policy_file.read(capsys.readouterr().out, called="f")
        assert read["table"] == first.table

    @pytest.mark.parametrize("arguments", [["none"], ["refunds", "--version-number", "9"]])
    def test_what_there_is_not(self, arguments):
        with pytest.raises(CommandError):
            call_command("dump_policy", *arguments)


def test_a_file_of_ten_megabytes_is_refused():
    with pytest.raises(MalformedPolicy, match="larger than half a megabyte"):
        policy_file.read("#" * 10_000_000, called="big.toml")


def test_a_file_that_is_nested_too_deep():
    with pytest.raises(MalformedPolicy):
        policy_file.read("a=" + "[" * 100_000, called="deep.toml")
