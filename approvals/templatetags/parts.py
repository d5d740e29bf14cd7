"""How the gallery shows a part: its real template, many times on one page."""

import re

from django import template
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

FRAME = ("request", "csrf_token", "user", "clock", "beside")
OWN_ID = re.compile(r' id="([^"]+)"')
NAMES_IDS = re.compile(
    r'( (?:id|for|form|aria-labelledby|aria-describedby)=")([^"]+)|(="#|url\(#)([^")]+)'
)
LABELLED_BY = re.compile(r'(<(?:section|dialog)\b[^>]* aria-labelledby="[^"]+)')
LABELLED = re.compile(r'(<(?:nav|form)\b[^>]* aria-label="[^"]+)')


@register.simple_tag(takes_context=True)
def example(context: template.Context, shown: object, slug: str, number: int) -> SafeString:
    """One example of a part, with what the frame gives to every page and nothing else."""
    values = {name: context[name] for name in FRAME if name in context}
    part = context.template.engine.get_template(shown.template)
    html = part.render(context.new({**values, **shown.values})).strip()
    return apart(html, f"{slug}-{number}")


def apart(html: str, name: str) -> SafeString:
    """The same HTML, able to stand beside its like; `name` is the id of the heading above it.

    Its own ids end in `name`, its landmarks are called after that heading too, none of it takes
    the focus when the page opens, and a dialog stands open.
    """
    own = set(OWN_ID.findall(html))

    def renamed(match: re.Match) -> str:
        ids = (match[2] or match[4]).split()
        return (match[1] or match[3]) + " ".join(f"{i}-{name}" if i in own else i for i in ids)

    html = NAMES_IDS.sub(renamed, html)
    html = LABELLED_BY.sub(rf"\1 {name}", html)
    html = LABELLED.sub(rf"\1, {name}", html)
    html = html.replace("<dialog ", "<dialog open ")
    html = html.replace(" autofocus", "").replace(" data-focus", "")
    return mark_safe(html)  # noqa: S308  # a template has escaped it
