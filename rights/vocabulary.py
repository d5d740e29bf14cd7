"""What is recorded of who may do what."""

from audit.vocabulary import Word

_RIGHT = ("proposal", "holder", "holder_id", "right", "phrase")
_TEAM = ("proposal", "team")
_SEAT = ("proposal", "person", "team", "team_id", "as")

WORDS = [
    Word("access.propose", "Asked for: {what}", "access", ("proposal", "what")),
    Word("access.refuse", "Refused: {what}", "access", ("proposal", "what")),
    Word("access.withdraw", "Withdrawn: {what}", "access", ("proposal", "what")),
    Word("access.give", "{holder} may {phrase}", "queue", _RIGHT),
    Word("access.take", "{holder} may no longer {phrase}", "queue", _RIGHT),
    Word("access.join", "{person} is a member of {team}: {as}", "person", _SEAT),
    Word("access.change_seat", "{person} stays a member of {team}: {as}", "person", _SEAT),
    Word("access.leave", "{person} is no longer a member of {team}", "person", _SEAT),
    Word(
        "access.ceiling",
        "{who} may approve {most} in 24 hours",
        "person, team",
        ("proposal", "who", "team_id", "most"),
    ),
    Word("access.appoint", "{person} is an administrator", "person", ("proposal", "person")),
    Word(
        "access.dismiss", "{person} is no longer an administrator", "person", ("proposal", "person")
    ),
    Word(
        "access.change_address",
        "{person} signs in with another address",
        "person",
        ("proposal", "person", "was"),
    ),
    Word("access.need_factor", "Members of {team} need a second factor", "team", _TEAM),
    Word("access.waive_factor", "Members of {team} no longer need a second factor", "team", _TEAM),
    Word(
        "access.reset_factor",
        "The lost second factor of {person} was taken away",
        "person",
        ("proposal", "person"),
    ),
    Word(
        "access.end_sessions",
        "{sessions} sessions of {person} were ended",
        "person",
        ("person", "sessions"),
    ),
    Word("access.make_account", "{person} has an account", "person", ("person", "is_program")),
    Word("access.send_link", "{person} got a link to choose a new password", "person", ("person",)),
    Word("access.review", "Access review taken along as {format}", "access", ("format", "rows")),
]
