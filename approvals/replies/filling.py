"""A text with its blanks filled: amounts and days as the language writes them. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime

from approvals.replies.languages import day_in, money_in
from approvals.replies.texts import Text, fields_in
from approvals.wording import visible


def filled(text: Text, known: Mapping[str, object], language: str, now: datetime) -> str:
    """The sentences of which every blank is known, as one line.

    `known`: texts, moments, and (minor units, currency) by the names of fields. Raise `KeyError` when
    something is missing that the first sentence needs.
    """
    words = {name: _written(value, language, now) for name, value in known.items()}
    words["subject"] = _subject(text, words).format_map(words)
    words["Subject"] = words["subject"][:1].upper() + words["subject"][1:]
    first, *more = text.sentences
    said = [sentence for sentence in more if all(name in words for name in fields_in(sentence))]
    return " ".join(sentence.format_map(words) for sentence in (first, *said))


def _subject(text: Text, words: Mapping[str, str]) -> str:
    """What it is about; where a field chooses between several, the one for its value."""
    if isinstance(text.subject, str):
        return text.subject
    [(field, choices)] = text.subject.items()
    return choices[words[field]]


def _written(value: object, language: str, now: datetime) -> str:
    if isinstance(value, datetime):
        return day_in(language, value.astimezone(UTC).date(), now.astimezone(UTC).date())
    if isinstance(value, tuple):
        return money_in(language, *value)
    return " ".join(visible(str(value)).split())
