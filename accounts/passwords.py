"""Which passwords are refused as those that somebody would try first.

Fifteen characters are soon filled with two words of everybody's: “password123456789”. Counted is what is
left when such words are taken out: those of Django's list of common passwords, of the organisation
(`PASSWORD_WORDS`), of the product, and of the person's own name and address.
"""

import re
from collections.abc import Collection
from functools import cache

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from accounts.models import User

OF_THE_PRODUCT = ("approvalqueue", "approval", "approve", "queue", "refund", "finance", "support")
SHORTEST_WORD = 4
MOST_COMMON_WORDS = 2  # four common words in a row are a good password
LEAST_OF_ONES_OWN = 6  # characters
# How people write letters otherwise; undone before words are looked for.
LETTERS = str.maketrans("@013457$", "aoieasts")
SENTENCE = (
    "This is made of words that somebody would try first, such as “{word}”. Add words of your own."
)


class NotGuessedFirst:
    def validate(self, password: str, user: User | None = None) -> None:
        """Raises `ValidationError`."""
        free = {*OF_THE_PRODUCT, *settings.PASSWORD_WORDS, *_of_person(user)}
        for written in (password.lower(), password.lower().translate(LETTERS)):
            left, found = _taken_apart(written, free)
            common = found - free
            if found and left < LEAST_OF_ONES_OWN and len(common) <= MOST_COMMON_WORDS:
                word = max(found, key=len)
                raise ValidationError(SENTENCE.format(word=word), code="guessed_first")

    def get_help_text(self) -> str:
        return "Not made of words that somebody would try first."


def _taken_apart(password: str, free: Collection[str]) -> tuple[int, set[str]]:
    """How many letters and digits stand outside of known words, and which words were found."""
    known, longest = _common(), max(map(len, (*free, "x" * 24)))
    left, found, at = 0, set(), 0
    while at < len(password):
        ends = range(min(len(password), at + longest), at + SHORTEST_WORD - 1, -1)
        word = next(
            (one for end in ends if (one := password[at:end]) in known or one in free), None
        )
        if word:
            found.add(word)
        elif password[at].isalnum():
            left += 1
        at += len(word) if word else 1
    return left, found


@cache
def _common() -> frozenset[str]:
    words = CommonPasswordValidator().passwords
    return frozenset(word for word in words if len(word) >= SHORTEST_WORD)


def _of_person(user: User | None) -> set[str]:
    if user is None:
        return set()
    parts = re.split(r"\W+", f"{user.name} {user.email}".lower())
    return {part for part in parts if len(part) >= SHORTEST_WORD}
