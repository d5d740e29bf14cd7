"""All parts, in the order in which a page is read."""

from collections.abc import Sequence
from datetime import datetime

from approvals.views.parts import figures, form, frame, lists, one_request, words
from approvals.views.parts.example import Part


def groups(now: datetime) -> list[tuple[str, Sequence[Part]]]:
    """By subject. Times are around `now`, so that they read as they do on a page of today."""
    return [
        ("Words", words.parts(now)),
        ("Frame", frame.parts(now)),
        ("Lists", lists.parts(now)),
        ("One request", one_request.parts(now)),
        ("Forms and answers", form.parts(now)),
        ("Figures", figures.parts(now)),
    ]
