"""What the components need beyond the template language: the shape that stands for a tone."""

import functools

from django import template
from django.utils.safestring import SafeString
from heroicons.templatetags.heroicons import heroicon_mini

register = template.Library()

ICON_OF_TONE = {
    "waiting": "clock",
    "running": "paper-airplane",
    "retrying": "arrow-path",
    "unknown": "question-mark-circle",
    "failed": "exclamation-triangle",
    "done": "check-circle",
    "neutral": "minus-circle",
}


@register.filter
def tone_icon(tone: str) -> str:
    """The heroicon of a status tone; colour alone never carries the meaning."""
    return ICON_OF_TONE.get(tone, ICON_OF_TONE["neutral"])


@register.filter
def tone_mark(tone: str) -> SafeString:
    """The same as it is drawn in a tag; lists show one in each row."""
    return _drawn(tone_icon(tone))


@functools.cache
def _drawn(icon: str) -> SafeString:
    return heroicon_mini(icon, size=16)


@register.filter
def trend_bars(trend: list[int]) -> list[dict]:
    """The bars of a chart 96 wide and 20 high, one for each hour; an empty hour is a low line."""
    top = max([*trend, 1])
    heights = [max(round(18 * count / top), 1) for count in trend]
    return [
        {"x": place * 4, "y": 20 - height, "height": height, "count": count}
        for place, (count, height) in enumerate(zip(trend, heights, strict=True))
    ]


@register.filter
def trend_words(trend: list[int]) -> str:
    """The same chart as a sentence."""
    if not any(trend):
        return "No failed call in the last 24 hours"
    quiet = next((hours for hours, count in enumerate(reversed(trend)) if count), 0)
    newest = "in the last hour" if quiet == 0 else f"the last one {quiet} h ago"
    calls = "call" if sum(trend) == 1 else "calls"
    return f"{sum(trend)} failed {calls}, at most {max(trend)} an hour, {newest}"
