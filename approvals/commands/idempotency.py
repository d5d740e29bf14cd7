"""One key, one effect, one answer (mechanisms §1, after draft-ietf-httpapi-idempotency-key-header).

An answer is kept in the command's own transaction: a process that dies leaves no stuck claim, and a
duplicate that arrives meanwhile waits on the unique index until its lock timeout. A refusal undoes
the command, and is kept in the transaction that records it.
"""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from approvals.models import IdempotencyRecord
from approvals.refusals import KeyMalformed, KeyReused, Refusal, stored
from audit.canonical import canonical
from audit.correlation import current_request_id
from audit.models import Event
from audit.prepared import kept_cursor

LARGEST_INTEGER = 2**53  # of RFC 8785; a larger one is told apart as text
KEPT = timedelta(days=7)
KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')  # a String of RFC 8941 §3.3.3


@dataclass(frozen=True)
class EventPlace:
    """Where the record says so, and the event's hash in hexadecimal: what its caller can keep."""

    stream: str
    seq: int
    hash: str

    @classmethod
    def of(cls, event: Event) -> "EventPlace":
        return cls(event.stream, event.seq, bytes(event.hash).hex())


@dataclass(frozen=True)
class Answer:
    """What a command answered. `is_replay`: it was carried out before, and nothing more now.

    `shown` is what its caller was shown of the request then, byte for byte; "" when they did not
    ask for it. `event`: none for commands about what is no request.
    """

    ref: str
    verb: str
    version: int
    at: str
    sentence: str
    shown: str = ""
    event: EventPlace | None = None
    is_replay: bool = False


@dataclass(frozen=True)
class Claim:
    """A key that is ours until the transaction ends, or the answer that it was given before."""

    record_id: int
    answer: Answer | None = None
    refusal: Refusal | None = None

    @property
    def is_replay(self) -> bool:
        return self.answer is not None or self.refusal is not None


def normalised_key(key: str) -> str:
    """`"K"` and K are one key. Raise `KeyMalformed` for what can't be a key.

    Two headers reach us joined by a comma, so a bare key has none; a quoted one may.
    """
    quoted = QUOTED.fullmatch(key)
    bare = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else key
    if not KEY.fullmatch(bare) or (not quoted and "," in bare):
        raise KeyMalformed(
            "The idempotency key must be one text of 1 to 255 visible ASCII characters."
        )
    return bare


def fingerprint(verb: str, target: str, arguments: Mapping[str, Any]) -> str:
    """Equal for the same command with the same arguments, however it was sent."""
    body = {"verb": verb, "target": target, "arguments": _plain(arguments)}
    return hashlib.sha256(canonical(body)).hexdigest()


def claim(*, principal: str, verb: str, key: str, fingerprint: str, at: datetime) -> Claim:
    """Take the key inside the open transaction, or find what it was used for.

    Raise `KeyReused` when it was used for something else. Waits for a duplicate in flight; the
    database's lock timeout ends the wait.
    """
    cursor = kept_cursor()
    cursor.execute(
        "INSERT INTO approvals_idempotencyrecord"
        " (principal, operation, key, fingerprint, status, answer, created_at, expires_at)"
        " VALUES (%s, %s, %s, %s, 0, '{}', %s, %s)"
        " ON CONFLICT (principal, key) DO NOTHING RETURNING id",
        [principal, verb, key, fingerprint, at, at + KEPT],
    )
    row = cursor.fetchone()
    if row is not None:
        return Claim(record_id=row[0])
    return _recall(IdempotencyRecord.objects.get(principal=principal, key=key), fingerprint)


def find(*, principal: str, key: str, fingerprint: str) -> Claim | None:
    """What the key was used for, without taking it. Raises as `claim`."""
    record = IdempotencyRecord.objects.filter(principal=principal, key=key).first()
    return _recall(record, fingerprint) if record else None


def is_kept(*, principal: str, key: str) -> bool:
    """Whether this key has an answer already, whatever it was used for."""
    return IdempotencyRecord.objects.filter(principal=principal, key=key).exists()


def kept(*, principal: str, key: str) -> dict[str, Any] | None:
    """What stands under the key, for whoever lost the answer; None when nothing does."""
    record = IdempotencyRecord.objects.filter(principal=principal, key=key).first()
    if record is None:
        return None
    answer = record.answer
    return {
        "key": record.key,
        "operation": record.operation,
        "outcome": "carried_out" if record.status == 200 else "refused",
        "status": 201 if (record.operation, record.status) == ("submit", 200) else record.status,
        "ref": answer["ref"],
        "version": answer.get("version"),
        "at": answer.get("at"),
        "sentence": answer["sentence"],
        "event": answer.get("event"),
        "problem": f"/problems/{answer['code']}" if "code" in answer else None,
        "expires_at": record.expires_at,
    }


def keep_answer(claim: Claim, answer: Answer) -> None:
    kept = {
        "ref": answer.ref,
        "verb": answer.verb,
        "version": answer.version,
        "at": answer.at,
        "sentence": answer.sentence,
        "shown": answer.shown,
        "event": asdict(answer.event) if answer.event else None,
    }
    IdempotencyRecord.write({"status": 200, "answer": kept}, id=claim.record_id)


def keep_refusal(claim: Claim, refusal: Refusal, *, ref: str) -> None:
    kept = {
        "ref": ref,
        "code": refusal.code,
        "sentence": refusal.sentence,
        "facts": _plain(refusal.facts),
        "request_id": current_request_id(),
    }
    IdempotencyRecord.write({"status": refusal.status, "answer": kept}, id=claim.record_id)


def _recall(record: IdempotencyRecord, wanted: str) -> Claim:
    if record.fingerprint != wanted:
        raise KeyReused("This key was already used for something else. Nothing more was recorded.")
    kept = record.answer
    if record.status == 200:
        place = EventPlace(**kept["event"]) if kept.get("event") else None
        return Claim(record.pk, answer=Answer(**{**kept, "event": place}, is_replay=True))
    refusal = stored(kept["code"], kept["sentence"], kept["facts"])
    refusal.request_id = kept.get("request_id", "")
    return Claim(record.pk, refusal=refusal)


def _plain(value: Any) -> Any:
    """Only what JSON has, with text in NFC."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, str):
        text = unicodedata.normalize("NFC", value)
        return text.encode("utf-8", "backslashreplace").decode()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < LARGEST_INTEGER:
        return value
    return str(value)
