"""The runbooks of docs/runbooks and of kinds from other packages, as pages in which the verbs are live.

A runbook is Markdown. `[Hold it](verb:hold)` names a verb: the page makes it a button for the
request that it is read for. `[Outcome unknown](outcome-unknown.md)` links to another runbook.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from approvals import kinds
from approvals.causes import CAUSES

DIRECTORY = Path(settings.BASE_DIR) / "docs" / "runbooks"
VERB = "verb:"

# What a verb's link becomes: its address, or None when it is not offered.
Offer = Callable[[str], str | None]


@dataclass(frozen=True)
class Runbook:
    """`verbs`: the names that its links mention, in order, as written."""

    slug: str
    title: str
    tokens: tuple[Token, ...]
    verbs: tuple[str, ...]

    @property
    def causes(self) -> list[str]:
        return [cause.code for cause in CAUSES.values() if cause.runbook == self.slug]


def find(slug: str) -> Runbook | None:
    return all_runbooks().get(slug)


@functools.cache
def all_runbooks() -> Mapping[str, Runbook]:
    """Every file of the directory and of what kinds bring, by name. Ours keep their names."""
    brought = {kind.runbooks for kind in kinds.all_kinds().values() if kind.runbooks}
    paths = {path.stem: path for folder in sorted(brought) for path in sorted(folder.glob("*.md"))}
    paths |= {path.stem: path for path in sorted(DIRECTORY.glob("*.md"))}
    return {name: _read(path) for name, path in paths.items()}


def html(runbook: Runbook, offer: Offer) -> SafeString:
    """Without its title. Markup of the file itself is shown as text, never as markup."""
    parser = _parser()
    tokens = [_with_live_links(token, offer) for token in runbook.tokens]
    # The renderer escapes everything that stands in the file; raw HTML is switched off.
    return mark_safe(parser.renderer.render(tokens, parser.options, {}))  # noqa: S308


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _read(path: Path) -> Runbook:
    tokens = _parser().parse(path.read_text(encoding="utf-8"))
    title = tokens[1].content
    verbs = [
        href.removeprefix(VERB)
        for token in tokens
        for child in token.children or []
        if child.type == "link_open" and (href := str(child.attrGet("href"))).startswith(VERB)
    ]
    return Runbook(path.stem, title, tuple(tokens[3:]), tuple(verbs))


def _with_live_links(token: Token, offer: Offer) -> Token:
    """A copy of a block whose links lead somewhere in the product."""
    if not token.children:
        return token
    children: list[Token] = []
    closing: list[str] = []
    for child in token.children:
        if child.type == "link_open":
            opened = _opened(child, offer)
            closing.append("link_close" if opened.type == "link_open" else "strong_close")
            children.append(opened)
        elif child.type == "link_close":
            kind = closing.pop()
            tag = "a" if kind == "link_close" else "strong"
            children.append(Token(kind, tag, -1, markup=child.markup))
        else:
            children.append(child)
    copied = token.copy()
    copied.children = children
    return copied


def _opened(link: Token, offer: Offer) -> Token:
    href = str(link.attrGet("href"))
    if href.startswith(VERB):
        address = offer(href.removeprefix(VERB))
        if address is None:
            return Token("strong_open", "strong", 1)
        return Token(
            "link_open", "a", 1, attrs={"href": address, "class": "button", "data-size": "small"}
        )
    if href.endswith(".md") and "/" not in href:
        return Token("link_open", "a", 1, attrs={"href": f"/runbooks/{href.removesuffix('.md')}/"})
    if href.startswith("/"):
        return link
    return Token("strong_open", "strong", 1)
