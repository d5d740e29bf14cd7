"""What is recorded of people, their tokens and their administration."""

from audit.vocabulary import Word

_TOKEN = ("name", "scopes", "expires_at", "owner")
_EDIT = ("name", "fields")
_EDITED = "user, team, queue"

WORDS = [
    Word(
        "person.sign_in",
        "Signed in",
        "person",
        ("how", "wrong_before"),
        refused="Sign-in refused",
    ),
    Word("person.sign_out", "Signed out", "person"),
    Word("person.change_password", "Own password changed", "person"),
    Word("person.reset_password", "Own password renewed by a link in a mail", "person"),
    Word("person.add_factor", "Second factor set up: {kind}", "person", ("kind",)),
    Word("person.remove_factor", "Second factor removed: {kind}", "person", ("kind",)),
    Word("person.make_codes", "Recovery codes made anew", "person"),
    Word(
        "person.second_factor",
        "Second factor shown",
        "person",
        ("tries",),
        refused="A wrong code of the second factor",
    ),
    Word("person.connect", "Connected with {provider} to sign in", "person", ("provider",)),
    Word("person.disconnect", "No longer connected with {provider}", "person", ("provider",)),
    Word("person.end_sessions", "Other sessions ended: {sessions}", "person", ("sessions",)),
    Word("person.settings", "Own settings changed", "person"),
    Word("token.create", "API token “{name}” made", "token", _TOKEN),
    Word("token.rotate", "API token “{name}” replaced", "token", (*_TOKEN, "replaced_by")),
    Word("token.revoke", "API token “{name}” revoked", "token", (*_TOKEN, "why")),
    Word("admin.add", "Added in the administration: {name}", _EDITED, _EDIT),
    Word("admin.change", "Changed in the administration: {name}", _EDITED, _EDIT),
    Word("admin.delete", "Deleted in the administration: {name}", _EDITED, _EDIT),
]
