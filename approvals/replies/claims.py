"""What a text for a customer says of the outside world, read from its words alone. Pure.

Knows nothing of how texts are chosen or marked: a text that says more than its mark is caught.
"""

import re
from dataclasses import dataclass

from approvals.replies.situations import Claim


@dataclass(frozen=True)
class Words:
    """`deed`: something was carried out. `past`: it has been. `open`: that is a question."""

    deed: str
    past: str
    negation: str
    open: str
    between: str
    nothing: str


WORDS = {
    "en": Words(
        deed=r"\b(sent|carried out|made|paid|refunded|transferred|completed|done|go(es)? through"
        r"|went through|reach(ed)?|t[ao]o?ke?n? effect|moved|changed|closed)\b",
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
    words = WORDS[language]
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
