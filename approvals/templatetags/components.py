"""What the components need beyond the template language: the shape that stands for a tone."""

from django import template

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
