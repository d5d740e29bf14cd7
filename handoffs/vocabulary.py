"""What is recorded of handoffs."""

from audit.vocabulary import Word

WORDS = [
    Word(
        "handoff.start",
        "Draft for {to} started, with {lines} requests",
        "handoff",
        ("state", "to", "lines"),
    ),
    Word("handoff.save", "Draft saved", "handoff", ("state",)),
    Word(
        "handoff.fill",
        "Draft filled in again, with {lines} requests",
        "handoff",
        ("state", "lines"),
    ),
    Word(
        "handoff.send",
        "Sent to {to}, with {lines} requests",
        "handoff",
        ("state", "to", "to_id", "lines"),
    ),
    Word(
        "handoff.answer", "{ref} answered: {answer}", "handoff", ("state", "ref", "answer", "owner")
    ),
    Word("handoff.acknowledge", "Read", "handoff", ("state",)),
    Word("handoff.withdraw", "Withdrawn", "handoff", ("state",)),
    Word(
        "handoff.late",
        "Late: {unanswered} requests without an answer",
        "handoff",
        ("state", "unanswered", "to", "from_id", "team_id"),
    ),
]
