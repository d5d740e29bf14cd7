"""Checkpoints as signed notes, as transparency logs write them (C2SP tlog-checkpoint, signed-note).

Pure. The first lines are origin, number of leaves and root; ours follow: which checkpoint it is, when it
was made, and the SHA-256 of the text of the one before, so that a missing one shows.

    approval-queue
    1204
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
    number 7
    at 2026-11-24T09:00:00Z
    previous ZmFrZQ==

    — approval-queue Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
SEED_BYTES = 32
NAME = re.compile(r"[^\s+]{1,100}")
SIGNATURE = re.compile(r"— ([^\s+]{1,100}) ([A-Za-z0-9+/]+={0,2})")
MOST_BYTES = 10_000  # of a whole note; ours have some hundred
FORM = re.compile(
    r"(?P<origin>\S+)\n(?P<size>0|[1-9][0-9]{0,18})\n(?P<root>[A-Za-z0-9+/]{43}=)\n"
    r"number (?P<number>[1-9][0-9]{0,18})\nat (?P<at>\S{20})\nprevious (?P<previous>[A-Za-z0-9+/]{43}=)\n"
)
STAMP = "%Y-%m-%dT%H:%M:%SZ"
NOTHING_BEFORE = bytes(32)


class BrokenNote(Exception):
    """The message is a sentence that says what is wrong with it."""


class MalformedKey(ValueError):
    """The message says what a key looks like."""


@dataclass(frozen=True)
class PublicKey:
    """What a signature is checked with. Written as `<name>+<8 hex digits>+<base64>`."""

    name: str
    raw: bytes

    @classmethod
    def read(cls, text: str) -> "PublicKey":
        name, _, rest = text.partition("+")
        given_id, _, encoded = rest.partition("+")
        data = _decoded(encoded) or b""
        key = cls(name, data[1:])
        if data[:1] != ED25519 or len(key.raw) != SEED_BYTES or given_id != key.id.hex():
            raise MalformedKey("A public key looks like name+c3f1a2b4+AbCd…=.")
        return key

    @property
    def id(self) -> bytes:
        """Four bytes that name the key in a signature."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.raw).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.raw).decode()}"

    def verifies(self, signature: bytes, text: str) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, repr=False)
class SigningKey:
    """`seed`: the 32 secret bytes of an Ed25519 key."""

    name: str
    seed: bytes

    @classmethod
    def read(cls, name: str, text: str) -> "SigningKey":
        """`text` is the base64 of the seed."""
        seed = _decoded(text) or b""
        if len(seed) != SEED_BYTES or not NAME.fullmatch(name):
            raise MalformedKey("A signing key is the base64 of 32 random bytes.")
        return cls(name, seed)

    @property
    def text(self) -> str:
        """As the environment holds it: secret."""
        return _encoded(self.seed)

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.name, self._private.public_key().public_bytes_raw())

    def sign(self, text: str) -> bytes:
        return self._private.sign(text.encode())

    @property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def new_seed() -> str:
    """A new signing key, as the environment holds it."""
    return _encoded(secrets.token_bytes(SEED_BYTES))


@dataclass(frozen=True)
class Checkpoint:
    """How many leaves there are, their root, and the SHA-256 of the text of the checkpoint before."""

    origin: str
    size: int
    root: bytes
    number: int
    at: datetime
    previous: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return (
            f"{self.origin}\n{self.size}\n{_encoded(self.root)}\nnumber {self.number}\n"
            f"at {self.at.astimezone(UTC).strftime(STAMP)}\nprevious {_encoded(self.previous)}\n"
        )

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.text.encode()).digest()


def signed(checkpoint: Checkpoint, keys: Iterable[SigningKey]) -> str:
    """The note, with a signature of each key."""
    lines = (
        f"— {key.name} {_encoded(key.public.id + key.sign(checkpoint.text))}\n" for key in keys
    )
    return f"{checkpoint.text}\n{''.join(lines)}"


def read(note: str, keys: Sequence[PublicKey]) -> Checkpoint:
    """What the note says, if one of these keys signed it. Raises `BrokenNote`."""
    checkpoint, signatures = parse(note)
    known = {(key.name, key.id): key for key in keys}
    ours = [(known[place], found) for place, found in signatures if place in known]
    if not ours:
        raise BrokenNote("It is not signed by a key that is trusted here.")
    if not all(key.verifies(found, checkpoint.text) for key, found in ours):
        raise BrokenNote("Its signature is not that of its text.")
    return checkpoint


def parse(note: str) -> tuple[Checkpoint, list[tuple[tuple[str, bytes], bytes]]]:
    """What it says, believed by nobody yet, and its signatures by name and id of their keys."""
    if len(note.encode(errors="replace")) > MOST_BYTES:
        raise BrokenNote("It is too long for a checkpoint.")
    text, blank, signatures = note.partition("\n\n")
    found = FORM.fullmatch(text + "\n")
    if not found or not blank:
        raise BrokenNote("It is not written as a checkpoint.")
    try:
        at = datetime.strptime(found["at"], STAMP).replace(tzinfo=UTC)
    except ValueError as error:
        raise BrokenNote("It is not written as a checkpoint.") from error
    checkpoint = Checkpoint(
        origin=found["origin"],
        size=int(found["size"]),
        root=base64.b64decode(found["root"]),
        number=int(found["number"]),
        at=at,
        previous=base64.b64decode(found["previous"]),
    )
    if checkpoint.text != f"{text}\n":
        raise BrokenNote("It is not written as a checkpoint.")
    *lines, end = signatures.split("\n")
    if end:
        raise BrokenNote("It is not written as a checkpoint.")
    return checkpoint, [_signature(line) for line in lines]


def _signature(line: str) -> tuple[tuple[str, bytes], bytes]:
    found = SIGNATURE.fullmatch(line)
    data = _decoded(found[2]) if found else None
    if data is None or len(data) < 5:
        raise BrokenNote("It has a line that is no signature.")
    return (found[1], data[:4]), data[4:]


def _decoded(text: str) -> bytes | None:
    """None for what is not the one way to write something in base64."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if _encoded(data) == text else None


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
