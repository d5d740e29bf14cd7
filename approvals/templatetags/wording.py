"""Times in pages: always absolute in UTC, with the reader's own time and the distance beside it."""

from datetime import UTC, datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.browsers import browser_called
from approvals.wording import clock, relative, visible

register = template.Library()
register.filter(browser_called)
register.filter(visible)


@register.simple_tag(takes_context=True)
def when(context: template.Context, at: datetime, style: str = "full") -> SafeString | str:
    """“09:16 UTC (11:16 Athens), in 4 min”; with style "plain" only “09:16 UTC”.

    The page's own moment and the reader's zone come from the frame (`clock`).
    """
    if at is None:
        return ""
    frame = context.get("clock") or {}
    now = frame.get("at") or timezone.now()
    stamp = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    absolute = format_html('<time datetime="{}">{}</time>', stamp, clock(at, now))
    if style == "plain":
        return absolute
    return format_html(
        '{}{}, <span data-rel="{}">{}</span>', absolute, _local(at, frame), stamp, relative(at, now)
    )


def _local(at: datetime, frame: dict) -> str:
    """“ (11:16 Athens)”, or nothing for people whose clock shows UTC anyway.

    The day is named when it is another one there: “23:50 UTC (Fri 01:50 Athens)”.
    """
    zone = frame.get("zone")
    if zone is None:
        return ""
    local = at.astimezone(zone)
    if local.utcoffset() == at.astimezone(UTC).utcoffset():
        return ""
    day = f"{local:%a} " if local.date() != at.astimezone(UTC).date() else ""
    return f" ({day}{local:%H:%M} {frame['city']})"


@register.filter
def in_code(text: str) -> SafeString:
    """Text whose parts between backticks are shown as code."""
    parts = text.split("`")
    return format_html_join(
        "",
        "{}",
        (
            (format_html("<code>{}</code>", part) if n % 2 else part,)
            for n, part in enumerate(parts)
        ),
    )
