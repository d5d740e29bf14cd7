"""How names are compared when somebody looks for a request; indexes are made of the same terms."""

from django.db.models import BooleanField, Func, TextField
from django.db.models.fields.json import KeyTextTransform

# Between the letters and digits of an id, people write these, or don't. The indexes are made with
# them: who changes this must have the indexes made anew, by a migration.
BETWEEN = " \t\u00a0\u202f-\u2010\u2011\u2012\u2013\u2014_.#/"
NAMED_IN_PAYLOAD = ("order", "account", "payment")


class SearchKey(Func):
    """A name without case, spaces and dashes: “ zd-9921 ”, “ZD 9921” → “zd9921”.

    Compared byte by byte (collation C), so that one index finds whole names and beginnings of them.
    """

    template = f"translate(lower(%(expressions)s), '{BETWEEN}', '') COLLATE \"C\""
    arity = 1
    output_field = TextField()


class Words(Func):
    """The words of a name, in no language."""

    template = "to_tsvector('simple', %(expressions)s)"
    arity = 1
    output_field = TextField()


class HasWords(Func):
    """`HasWords("customer", Value("sil:* & an:*"))`: words that begin like this are in it."""

    template = "to_tsvector('simple', %(expressions)s)"
    arg_joiner = ") @@ to_tsquery('simple', "
    arity = 2
    output_field = BooleanField()


def in_payload(name: str) -> KeyTextTransform:
    return KeyTextTransform(name, "payload")
