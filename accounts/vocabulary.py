"""What is recorded of people, their tokens and their administration."""

from audit.vocabulary import Word

_TOKEN = ("name", "scopes", "expires_at", "owner")
_EDIT = ("name", "fields")
_EDITED = "user, team, queue"

WORDS = [
    Word("person.sign_in", "Signed in", "person", refused="Sign-in refused"),
    Word("person.sign_out", "Signed out", "person"),
    Word("person.settings", "Own settings changed", "person"),
    Word("token.create", "API token “{name}” made", "token", _TOKEN),
    Word("token.rotate", "API token “{name}” replaced", "token", (*_TOKEN, "replaced_by")),
    Word("token.revoke", "API token “{name}” revoked", "token", (*_TOKEN, "why")),
    Word("admin.add", "Added in the administration: {name}", _EDITED, _EDIT),
    Word("admin.change", "Changed in the administration: {name}", _EDITED, _EDIT),
    Word("admin.delete", "Deleted in the administration: {name}", _EDITED, _EDIT),
]
