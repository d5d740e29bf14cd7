"""What customers may be told: reviewed texts, one for each situation, kind and language.

`situations.py` says where a request stands in the customer's eyes, `texts.py` reads and checks the
files in `library/`, `reviewed.py` knows which of them somebody has read and found right,
`filling.py` writes amounts and dates as the language writes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from approvals.kinds.base import Kind
from approvals.models import ApprovalRequest
from approvals.replies import filling, texts
from approvals.replies.languages import ENGLISH, LANGUAGES
from approvals.replies.reviewed import review_of
from approvals.replies.situations import Claim, Situation, situation_of
from approvals.replies.texts import Text

__all__ = ["ENGLISH", "LANGUAGES", "Claim", "Reply", "Situation", "reply_to", "situation_of"]


@dataclass(frozen=True)
class Reply:
    """A text for a customer. `name` and `version` say which reviewed text it is (“en/refund/done”,
    3), `id` which words exactly: it changes with every word, amount and date in them."""

    text: str
    language: str
    name: str
    version: int
    situation: Situation

    @property
    def id(self) -> str:
        return sha256(f"{self.name} {self.version} {self.text}".encode()).hexdigest()[:24]


def reply_to(item: ApprovalRequest, kind: Kind, language: str, now: datetime) -> Reply | None:
    """The reviewed text of the kind, else the neutral one; None when neither has been reviewed.

    `language` is one of `LANGUAGES`. Needs the request's effect and settlements.
    """
    situation = situation_of(item, kind)
    for folder, slug, allowed in texts.places_of(kind):
        text = texts.read(folder, language, slug, allowed).get(situation)
        review = review_of(folder, text) if text is not None else None
        if review is not None:
            known = _known(item, kind, situation, allowed)
            return Reply(
                filling.filled(text, known, language, now),
                language,
                text.name,
                review.version,
                situation,
            )
    return None


def _known(
    item: ApprovalRequest, kind: Kind, situation: Situation, allowed: frozenset[str]
) -> Mapping[str, object]:
    """By the name of a field, what is known of it; nothing that isn't on the list of allowed ones."""
    known: dict[str, object] = {**kind.reply_facts(item.payload), "asked_on": item.created_at}
    if item.amount is not None:
        known["amount"] = (item.amount, item.currency)
    if situation.claim is Claim.MOVED:
        known |= {
            "settled_on": item.effect.settled_at,
            "reference": item.effect.provider_reference,
        }
    return {name: value for name, value in known.items() if name in allowed and value}


def unreviewed(kinds: Mapping[str, Kind]) -> list[Text]:
    """Every text of these kinds and every neutral one that nobody has reviewed as it stands."""
    return [text for folder, text in texts.all_of(kinds) if review_of(folder, text) is None]
