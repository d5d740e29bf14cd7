"""What is recorded of reading the record, taking it out, and checking it."""

from audit.vocabulary import Word

_FOUND = ("events", "streams", "breaks")

WORDS = [
    Word("audit.read", "The record was read", "audit", ("filters", "event")),
    Word("audit.export", "The record was exported as {format}", "audit", ("filters", "format")),
    Word("audit.verify", "A check of the record was asked for", "verification"),
    Word(
        "audit.verified",
        "The record was checked: {events} events, breaks: {breaks}",
        "verification",
        _FOUND,
    ),
]
