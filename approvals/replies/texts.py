"""The files of texts: `library/<language>/<kind>.toml`, read with distrust.

A file has a `subject` and, under what they claim, a list of sentences for each situation. Only the
first sentence is always said: another one is left out while something in it is not known.
"""

import functools
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from string import Formatter

from approvals.kinds.base import REPLIES, Kind
from approvals.replies.languages import LANGUAGES
from approvals.replies.situations import Claim, Situation

NEUTRAL = "neutral"
SUBJECT = frozenset({"subject", "Subject"})
ALWAYS = frozenset({"amount", "asked_on"})  # known of every request, `amount` where money moves
SETTLED = frozenset({"settled_on", "reference"})  # only where something has moved

Place = tuple[Path, str, frozenset[str]]


class MalformedReplies(ValueError):
    """A file of texts cannot be used. The message names the file and what is wrong."""


@dataclass(frozen=True)
class Text:
    """`name` is “en/refund/done”. `subject`: a phrase, or phrases by the value of one field."""

    name: str
    claim: Claim
    subject: str | Mapping[str, Mapping[str, str]]
    sentences: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Of everything in it that a customer could read."""
        words = [self.claim, self.subject, self.sentences]
        return sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def places_of(kind: Kind) -> list[Place]:
    """Where to look for a text, best first: folder, name of the file, and what it may say."""
    own = frozenset(kind.reply_fields) | ALWAYS | SETTLED
    return [(kind.replies, kind.slug, own), (REPLIES, NEUTRAL, frozenset({"asked_on"}) | SETTLED)]


def all_of(kinds: Mapping[str, Kind]) -> list[tuple[Path, Text]]:
    """Every text of these kinds in every language, and the neutral ones, with their folders."""
    places = dict.fromkeys(place for kind in kinds.values() for place in places_of(kind))
    return [
        (place[0], text)
        for place in places
        for language in LANGUAGES
        for text in read(place[0], language, *place[1:]).values()
    ]


@functools.cache
def read(
    folder: Path, language: str, slug: str, allowed: frozenset[str]
) -> Mapping[Situation, Text]:
    """The texts of one file, none when there is no such file.

    `allowed`: the fields that its texts may say. Raise `MalformedReplies`.
    """
    path = folder / language / f"{slug}.toml"
    if not path.exists():
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        subject = _checked_subject(found.pop("subject", None), allowed)
        texts = {
            situation: Text(f"{language}/{slug}/{situation}", situation.claim, subject, sentences)
            for situation, sentences in _checked(found, allowed)
        }
    except ValueError as problem:
        raise MalformedReplies(f"{path}: {problem}") from problem
    return texts


def fields_in(sentence: str) -> list[str]:
    """The blanks of a sentence. Raise `ValueError` for anything but a plain name in braces."""
    fields = []
    for _, name, form, conversion in Formatter().parse(sentence):
        if name is None:
            continue
        if not name.isidentifier() or form or conversion:
            raise ValueError(f"“{{{name}}}” is no plain field, in “{sentence}”.")
        fields.append(name)
    return fields


def _checked(
    found: Mapping[str, Mapping], allowed: frozenset[str]
) -> Iterator[tuple[Situation, tuple[str, ...]]]:
    for claim, named in found.items():
        for name, sentences in named.items():
            situation = Situation(name)
            if Claim(claim) is not situation.claim:
                raise ValueError(f"“{name}” stands under “{claim}”; it is “{situation.claim}”.")
            if not sentences or not all(isinstance(one, str) and one for one in sentences):
                raise ValueError(f"“{name}” is no list of sentences.")
            _check_fields(situation, sentences, allowed)
            yield situation, tuple(sentences)


def _check_fields(situation: Situation, sentences: list[str], allowed: frozenset[str]) -> None:
    if situation.claim is not Claim.MOVED:
        allowed -= SETTLED
    for sentence in sentences:
        _refuse_unknown(sentence, allowed | SUBJECT)
    if "reference" in fields_in(sentences[0]):
        raise ValueError(f"The first sentence of “{situation}” needs what may not be known.")


def _checked_subject(
    subject: object, allowed: frozenset[str]
) -> str | Mapping[str, Mapping[str, str]]:
    """What every text of the file is about."""
    if isinstance(subject, str):
        _refuse_unknown(subject, allowed - SETTLED)
        return subject
    if not isinstance(subject, dict) or len(subject) != 1 or not set(subject) <= allowed:
        raise ValueError("“subject” is a phrase, or phrases by the values of one field.")
    [choices] = subject.values()
    for phrase in choices.values():
        _refuse_unknown(phrase, allowed - SETTLED)
    return subject


def _refuse_unknown(text: str, allowed: frozenset[str]) -> None:
    unknown = sorted(set(fields_in(text)) - allowed)
    if unknown:
        raise ValueError(f"“{{{unknown[0]}}}” is not a field that customers may read here.")
