"""Whether the kinds of `APPROVAL_KINDS` can be used together: `manage.py check`, in sentences."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.checks import Error

from approvals.causes import BUILT_IN, Cause
from approvals.kinds import loaded
from approvals.kinds.base import REPLIES, Kind
from approvals.replies import LANGUAGES, Claim, texts
from approvals.replies.claims import claims_made
from approvals.replies.languages import ENGLISH
from approvals.replies.texts import MalformedReplies
from approvals.runbooks import DIRECTORY

PREFIX = re.compile(r"[A-Z]{2,4}")
SLUG = re.compile(r"[a-z][a-z0-9_]{0,39}")
CODE = re.compile(r"[a-z][a-z0-9-]{0,59}")


def kinds_can_be_used(**options: Any) -> list[Error]:
    found = loaded()
    sentences = [*found.problems, *problems_of(found.kinds)]
    return [Error(sentence, id="approvals.E001") for sentence in sentences]


def problems_of(kinds: Sequence[Kind]) -> Iterator[str]:
    """A sentence for whatever is wrong with these kinds, alone or together."""
    yield from _names(kinds)
    yield from _causes(kinds)
    yield from _runbooks(kinds)
    for kind in kinds:
        if kind.replies != REPLIES:
            yield from _texts(kind)


def _names(kinds: Sequence[Kind]) -> Iterator[str]:
    for what, pattern in (("slug", SLUG), ("prefix", PREFIX)):
        names = [getattr(kind, what) for kind in kinds]
        for name, times in Counter(names).items():
            if times > 1:
                yield f"The {what} {name} belongs to {times} kinds; each needs its own."
            if not pattern.fullmatch(name):
                yield f"The {what} “{name}” must look like {pattern.pattern}."


def _causes(kinds: Sequence[Kind]) -> Iterator[str]:
    owners: dict[str, str] = dict.fromkeys(BUILT_IN, "the product")
    for kind in kinds:
        for cause in kind.causes:
            if cause.code in owners:
                yield f"The cause {cause.code} of {kind.slug} belongs to {owners[cause.code]} already."
            owners.setdefault(cause.code, kind.slug)
            yield from _words(kind, cause)


def _words(kind: Kind, cause: Cause) -> Iterator[str]:
    named = f"The cause {cause.code} of {kind.slug}"
    if not CODE.fullmatch(cause.code):
        yield f"{named} must have a code that looks like {CODE.pattern}."
    if not cause.plain or cause.plain.endswith("."):
        yield f"{named} needs plain words that complete a sentence, without a full stop."
    if not all(text.endswith(".") for text in (cause.meaning, cause.moved, cause.next_step)):
        yield f"{named} needs sentences for its meaning, what moved, and the next step."


def _runbooks(kinds: Sequence[Kind]) -> Iterator[str]:
    owners: dict[str, Path] = {path.stem: DIRECTORY for path in DIRECTORY.glob("*.md")}
    for kind in kinds:
        for path in sorted(kind.runbooks.glob("*.md")) if kind.runbooks else ():
            if owners.setdefault(path.stem, kind.runbooks) != kind.runbooks:
                yield f"The runbook {path.stem} of {kind.slug} has a name that is taken."
            if not path.read_text(encoding="utf-8").startswith("# "):
                yield f"The runbook {path.stem} of {kind.slug} must begin with a title: “# …”."
    for kind in kinds:
        for cause in kind.causes:
            if cause.runbook not in owners:
                yield f"The cause {cause.code} of {kind.slug} names no runbook: {cause.runbook}."


def _texts(kind: Kind) -> Iterator[str]:
    folder, slug, allowed = texts.places_of(kind)[0]
    try:
        found = {language: texts.read(folder, language, slug, allowed) for language in LANGUAGES}
    except MalformedReplies as malformed:
        yield str(malformed)
        return
    english = set(found[ENGLISH])
    if not english:
        yield f"The texts of {slug} for customers are missing in English."
    for language, here in found.items():
        if here and set(here) != english:
            lacking = ", ".join(sorted(set(here) ^ english))
            yield f"The texts of {slug} in {LANGUAGES[language].name} and English differ in: {lacking}."
        for text in here.values():
            said = claims_made(" ".join(text.sentences), language)
            if said != {text.claim} - {Claim.UNKNOWN}:
                words = " and ".join(sorted(said)) or "nothing certain"
                yield f"{text.name} says {words}, but stands under “{text.claim}”."
            if kind.system.casefold() in " ".join(text.sentences).casefold():
                yield f"{text.name} names the system “{kind.system}”: customers are not told of it."
