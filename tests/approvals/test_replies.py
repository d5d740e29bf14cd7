"""The files of texts for customers: complete, reviewed, and unable to say what they must not."""

import itertools
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from approvals import kinds
from approvals.kinds.base import REPLIES
from approvals.kinds.manual import Manual
from approvals.kinds.refund import Refund
from approvals.replies import LANGUAGES, Claim, Situation, reply_to, reviewed, texts, unreviewed
from approvals.replies.texts import MalformedReplies
from tests.approvals import reply_checks

OURS = texts.all_of(kinds.all_kinds())
TEXTS = [pytest.param(text, id=text.name) for _, text in OURS]
ALLOWED = frozenset({"order", "amount", "settled_on", "reference", "asked_on"})
GOOD = """
subject = "your voucher"
[not-moved]
checking = ["{Subject} is being checked."]
[moved]
done = ["{Subject} was sent on {settled_on}.", "The reference is {reference}."]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "en").mkdir()
    yield tmp_path
    texts.read.cache_clear()
    reviewed.reviews_in.cache_clear()


def written(folder: Path, text: str) -> dict:
    (folder / "en" / "voucher.toml").write_text(text, encoding="utf-8")
    texts.read.cache_clear()
    return dict(texts.read(folder, "en", "voucher", ALLOWED))


# --- Ours are complete and reviewed ------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
def test_each_text_is_the_one_that_was_reviewed(text):
    """Changed it? Read it in its language, then `manage.py review_replies --by "Your name"`."""
    assert reviewed.review_of(REPLIES, text) is not None, (
        f"{text.name} has changed since it was reviewed, so nobody is offered it. Read it, then run "
        'manage.py review_replies --by "Your name".'
    )


def test_every_review_is_of_a_text_that_is_there():
    assert set(reviewed.reviews_in(REPLIES)) == {text.name for _, text in OURS}


def test_every_file_is_of_a_kind_and_a_language_that_are_there():
    known = {
        f"{language}/{slug}.toml"
        for language in LANGUAGES
        for slug in (*kinds.all_kinds(), "neutral")
    }
    assert {str(path.relative_to(REPLIES)) for path in REPLIES.glob("*/*")} <= known


@pytest.mark.parametrize(
    ("kind", "language"), itertools.product(kinds.all_kinds().values(), LANGUAGES)
)
def test_every_kind_has_a_text_for_every_situation_in_every_language(kind, language):
    found = [
        set(texts.read(folder, language, slug, allowed))
        for folder, slug, allowed in texts.places_of(kind)
    ]
    assert found[-1] == set(Situation), "The neutral ones are for every situation."
    english = [
        set(texts.read(folder, "en", slug, allowed))
        for folder, slug, allowed in texts.places_of(kind)
    ]
    assert found == english


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_says_exactly_what_its_mark_claims(text):
    """The words are read, so that the mark cannot lie."""
    language, _, situation = text.name.split("/")
    assert reply_checks.claims_made(" ".join(text.sentences), language) == {text.claim} - {
        Claim.UNKNOWN
    }
    assert Situation(situation).claim is text.claim


@pytest.mark.parametrize(
    ("language", "sentence", "claim"),
    [
        ("en", "Your refund was sent on 24 November.", Claim.MOVED),
        ("en", "We have sent nothing; no money was sent.", Claim.NOT_MOVED),
        ("en", "It is being checked, but your refund has been carried out.", Claim.MOVED),
        ("en", "Nothing has happened.", Claim.NOT_MOVED),
        ("de", "Ihre Erstattung wurde am 24. November ausgeführt.", Claim.MOVED),
        ("de", "Sie wurde noch nicht ausgeführt.", Claim.NOT_MOVED),
        ("de", "Es ist nichts passiert.", Claim.NOT_MOVED),
        ("fr", "Votre remboursement a été envoyé le 24 novembre.", Claim.MOVED),
        ("fr", "Il n’a pas encore été envoyé.", Claim.NOT_MOVED),
        ("fr", "Rien ne s’est passé.", Claim.NOT_MOVED),
        ("es", "Su reembolso se ha enviado el 24 de noviembre.", Claim.MOVED),
        ("es", "Todavía no se ha enviado.", Claim.NOT_MOVED),
        ("es", "No ha pasado nada.", Claim.NOT_MOVED),
    ],
)
def test_the_words_that_are_looked_for_are_found(language, sentence, claim):
    assert claim in reply_checks.claims_made(sentence, language)


# --- What a file cannot hold ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "being checked.",
            "checked by {owner}.",
            "{owner}” is not a field that customers may read",
        ),
        ("being checked.", "{0} checked.", "is no plain field"),
        ("being checked.", "{subject.__class__}.", "is no plain field"),
        ("being checked.", "{amount!r}.", "is no plain field"),
        ("being checked.", "{amount:>99999}.", "is no plain field"),
        ("being checked.", "checked, {reference}.", "{reference}” is not a field that customers"),
        ("being checked.", "checked {", ""),
        ("was sent on {settled_on}.", "has {reference}.", "needs what may not be known"),
        ("checking =", "daydreaming =", "daydreaming"),
        ("[not-moved]", "[moved-soon]", "moved-soon"),
        ("[not-moved]", "[unknown]", "stands under “unknown”; it is “not-moved”"),
        ("your voucher", "your voucher from {system}", "{system}” is not a field"),
        ("your voucher", "your {settled_on}", "{settled_on}” is not a field"),
        ('subject = "your voucher"', "", "“subject” is a phrase"),
        ('["{Subject} is being checked."]', "[]", "no list of sentences"),
        ("[not-moved]", "[not-moved", ""),
    ],
)
def test_a_file_that_says_what_it_must_not_is_refused(folder, old, new, told):
    assert old in GOOD
    with pytest.raises(MalformedReplies) as refused:
        written(folder, GOOD.replace(old, new, 1))
    assert told in str(refused.value)
    assert "voucher.toml" in str(refused.value)


# --- Only what was reviewed is offered -------------------------------------------------------------------


class Voucher(Manual):
    """A kind from elsewhere, with texts of its own."""

    slug = "voucher"


def lock(folder: Path) -> None:
    found = texts.read(folder, "en", "voucher", ALLOWED).values()
    lines = reviewed.written(folder, found, by="R. Viewer", on=date(2026, 11, 24))
    (folder / reviewed.FILE).write_text(lines, encoding="utf-8")
    reviewed.reviews_in.cache_clear()


def said(cast, kind) -> str:
    return reply_to(cast.ask(), kind, "en", cast.now).text


def test_a_kind_without_texts_has_the_neutral_ones(cast):
    assert said(cast, Voucher()) == (
        "What you asked us for is being checked and has not been carried out yet. "
        "You do not need to do anything."
    )


def test_a_kind_from_elsewhere_brings_its_own(cast, folder, monkeypatch):
    monkeypatch.setattr(Voucher, "replies", folder)
    written(folder, GOOD)
    lock(folder)
    assert said(cast, Voucher()) == "Your voucher is being checked."


def test_what_nobody_has_reviewed_is_not_offered(cast, folder, monkeypatch):
    monkeypatch.setattr(Voucher, "replies", folder)
    written(folder, GOOD)
    lock(folder)
    written(folder, GOOD.replace("is being checked", "will be done by Friday"))
    assert said(cast, Voucher()).startswith("What you asked us for")


def test_a_changed_subject_is_a_change_of_every_text(folder):
    before = written(folder, GOOD)
    after = written(folder, GOOD.replace("your voucher", "your gift"))
    assert {text.fingerprint for text in before.values()}.isdisjoint(
        t.fingerprint for t in after.values()
    )


def test_without_any_reviewed_text_there_is_none(cast, monkeypatch):
    monkeypatch.setattr(reviewed, "reviews_in", lambda folder: {})
    assert reply_to(cast.ask(), Refund(), "en", cast.now) is None


def test_a_review_keeps_what_has_not_changed_and_counts_what_has(folder):
    written(folder, GOOD)
    lock(folder)
    changed = written(folder, GOOD.replace("is being checked", "is being looked at"))
    lines = reviewed.written(folder, changed.values(), by="S. Econd", on=date(2026, 12, 1))
    (folder / reviewed.FILE).write_text(lines, encoding="utf-8")
    reviewed.reviews_in.cache_clear()
    found = reviewed.reviews_in(folder)
    assert (found["en/voucher/checking"].version, found["en/voucher/checking"].by) == (
        2,
        "S. Econd",
    )
    assert (found["en/voucher/done"].version, found["en/voucher/done"].by) == (1, "R. Viewer")


def test_the_command_says_that_all_is_reviewed():
    out = StringIO()
    call_command("review_replies", stdout=out)
    assert out.getvalue().strip() == "Every text is reviewed."


def test_the_command_names_what_is_not(monkeypatch):
    [(_, first), *_] = OURS
    left = {name: one for name, one in reviewed.reviews_in(REPLIES).items() if name != first.name}
    monkeypatch.setattr(reviewed, "reviews_in", lambda folder: left)
    assert unreviewed(kinds.all_kinds()) == [first]
    out = StringIO()
    with pytest.raises(CommandError, match="Not reviewed, so not offered to anybody: 1"):
        call_command("review_replies", stdout=out)
    assert first.name in out.getvalue()


@pytest.mark.parametrize("by", ['A "B', "A\\", " A", "A\n[x]"])
def test_a_reviewer_has_a_plain_name(by):
    with pytest.raises(CommandError):
        call_command("review_replies", "--by", by)
