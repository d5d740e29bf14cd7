"""Which texts have been reviewed: `reviewed.toml` in each folder of texts, one entry for each.

An entry holds for the words that were read, by their fingerprint. A text that has changed since is
not offered to anybody until it has been reviewed again (`manage.py review_replies`).
"""

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from approvals.replies.texts import MalformedReplies, Text

FILE = "reviewed.toml"


@dataclass(frozen=True)
class Review:
    """`version` counts the reviewed wordings of one text. `by` and `on`: who read it, and when."""

    version: int
    sha256: str
    by: str
    on: date


def review_of(folder: Path, text: Text) -> Review | None:
    """The review of exactly these words, or None."""
    review = reviews_in(folder).get(text.name)
    return review if review is not None and review.sha256 == text.fingerprint else None


@functools.cache
def reviews_in(folder: Path) -> Mapping[str, Review]:
    """By the name of the text. Raise `MalformedReplies`."""
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: Review(**entry) for name, entry in found.items()}
    except (ValueError, TypeError, AttributeError) as problem:
        raise MalformedReplies(f"{path}: {problem}") from problem


def written(folder: Path, texts: Iterable[Text], *, by: str, on: date) -> str:
    """The whole file as it stands after a review of all `texts` of the folder.

    A text whose words are those of its last review keeps it.
    """
    entries = []
    for text in sorted(texts, key=lambda text: text.name):
        last = reviews_in(folder).get(text.name)
        review = review_of(folder, text) or Review(
            (last.version if last else 0) + 1, text.fingerprint, by, on
        )
        entries.append(
            f'["{text.name}"]\nversion = {review.version}\nsha256 = "{review.sha256}"\n'
            f'by = "{review.by}"\non = {review.on}\n'
        )
    return "\n".join(entries)
