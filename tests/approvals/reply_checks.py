"""What a text for a customer says, read from its words alone, and whether that may be said.

Knows nothing of how texts are chosen or marked: a text that says more than its mark is caught, and
so is a wrong choice.
"""

import re
from dataclasses import dataclass

from accounts.models import Team, User
from approvals import kinds
from approvals.causes import CAUSES
from approvals.models import ApprovalRequest, Queue, State
from approvals.replies import Claim, Reply


@dataclass(frozen=True)
class Words:
    """`deed`: something was carried out. `past`: it has been. `open`: that is a question."""

    deed: str
    past: str
    negation: str
    open: str
    between: str
    nothing: str


LANGUAGES = {
    "en": Words(
        deed=r"\b(sent|carried out|made|paid|refunded|transferred|completed|done|go(es)? through|went through"
        r"|reach(ed)?|t[ao]o?ke?n? effect|moved|changed|closed)\b",
        past=r"\b(was|were|been|went through|took effect|reached)\b",
        negation=r"\b(not|no|never|nothing|cannot)\b",
        open=r"\b(whether|if)\b",
        between=r"\band\b|\bbut\b",
        nothing=r"nothing (has|was|is|happened|changed)",
    ),
    "de": Words(
        deed=r"\b(ausgeführt|überwiesen|gesendet|angekommen|wirksam|erledigt|geändert|geschlossen|erstattet|gezahlt)\b",
        past=r"\b(wurden?|ist|sind|worden|hat|haben)\b",
        negation=r"\b(nicht|nichts|kein\w*|nie)\b",
        open=r"\b(ob|falls|wenn)\b",
        between=r"\bund\b|\baber\b",
        nothing=r"nichts (ist |wurde )?(passiert|geschehen|geändert)",
    ),
    "fr": Words(
        deed=r"\b(envoyée?s?|effectuée?s?|parvenue?s?|effet|exécutée?s?|versée?s?|remboursée?s?|modifiée?s?|clôturée?s?)\b",
        past=r"\b(été|est parvenu|a pris)\b",
        negation=r"\b(ne|pas|aucune?|plus|rien|jamais)\b|\bn’",
        open=r"\bsi\b",
        between=r"\bet\b|\bmais\b",
        nothing=r"rien n(e |’)(s’est|a) ",
    ),
    "es": Words(
        deed=r"\b(enviad[oa]s?|enviar|realizad[oa]s?|realizar|realizará|llegado|efecto|ejecutad[oa]s?|pagad[oa]s?"
        r"|reembolsad[oa]s?|cambiad[oa]s?|cerrad[oa]s?)\b",
        past=r"\b(ha|han|fue|fueron)\b",
        negation=r"\b(no|ningún|ninguna?|nada|nunca)\b",
        open=r"\bsi\b",
        between=r"\by\b|\bpero\b",
        nothing=r"no ha (pasado|ocurrido|cambiado) nada",
    ),
}


def claims_made(text: str, language: str) -> set[Claim]:
    """What each clause says of the outside world; nothing for one that leaves it open."""
    words = LANGUAGES[language]
    plain = re.sub(r"(?<=\d)\. ", " ", text.casefold())  # 24. November
    made = {Claim.NOT_MOVED} if re.search(words.nothing, plain) else set()
    for clause in re.split(rf"[.;:?!](?:\s|$)|,? (?:{words.between})", plain):
        if re.search(words.open, clause) or not re.search(words.deed, clause):
            continue
        if re.search(words.negation, clause):
            made.add(Claim.NOT_MOVED)
        elif re.search(words.past, clause):
            made.add(Claim.MOVED)
    return made


OURS = ("approval queue", "policy", "approved", "approval", "error", "retry", "webhook", "timeout")


def hidden_words() -> re.Pattern[str]:
    """Whatever of the fixture a customer must not read."""
    people = [*User.objects.values_list("name", "email")]
    parts = {part for name, _ in people for part in re.split(r"\W+", name) if len(part) > 2}
    words = [
        *parts,
        *(email for _, email in people),
        *Team.objects.values_list("name", flat=True),
        *Queue.objects.values_list("name", flat=True),
        *(kind.system for kind in kinds.all_kinds().values()),
        *CAUSES,
        *(cause.plain for cause in CAUSES.values()),
        *OURS,
    ]
    return re.compile(rf"\b({'|'.join(map(re.escape, words))})\b", re.IGNORECASE)


def check(item: ApprovalRequest, reply: Reply, hidden: re.Pattern[str]) -> None:
    """Raise `AssertionError` for whatever `reply` must not say of `item` as it stands."""
    made = claims_made(reply.text, reply.language)
    said = f"{reply.name}: {reply.text}"
    assert made == {reply.situation.claim} - {Claim.UNKNOWN}, said
    if Claim.MOVED in made:
        assert is_settled_as_done(item), said
    if Claim.NOT_MOVED in made:
        assert is_known_absent(item), said
    assert hidden.findall(reply.text) == [], said
    assert "{" not in reply.text
    assert "None" not in reply.text
    assert "  " not in reply.text
    assert reply.text.endswith(".")


def is_settled_as_done(item: ApprovalRequest) -> bool:
    """(a) Settled, and it still stands."""
    effect = item.effect
    return item.state == State.DONE and effect.settled_at is not None and effect.undone_at is None


def is_known_absent(item: ApprovalRequest) -> bool:
    """(c) Nothing is on its way, nothing was ever in doubt without an answer of the provider."""
    effect = getattr(item, "effect", None)
    people_say = [found.happened for found in item.settlements.all() if not found.is_dropped]
    return (
        item.state not in (State.EXECUTING, State.IN_DOUBT, State.DONE)
        and (effect is None or effect.is_proven_absent)
        and (not people_say or effect.undone_at is not None)
    )
