#!/usr/bin/env python3
"""Check a receipt of Approval Queue. Needs Python 3.9 or newer and the package `cryptography`.

    python3 verify_receipt.py RF-2041.receipt.json --key 'approval-queue+c3f1a2b4+AbCd…='

Take the key from whoever runs the product, not from the receipt: whoever could forge the one could put
the other beside it. Without --key the receipt is only compared with itself, and the answer says so.

What is checked: each event's hash covers all that the receipt says of it, and the event before it; what
may be personal is what was committed to when it was recorded; each event is in the tree under the
checkpoint; the checkpoint is signed with the key.

Exit 0: all of it holds. 1: something does not. 2: not a receipt.
"""

import argparse
import base64
import hashlib
import json
import re
import sys

FORM = "approval-queue receipt 1"
LARGEST = 64 * 1024 * 1024
PRIVATE = ("reason", "changes", "private_row")
NOTE = re.compile(
    r"(\S+)\n(0|[1-9][0-9]*)\n([A-Za-z0-9+/]{43}=)\nnumber ([1-9][0-9]*)\nat (\S{20})\n"
    r"previous [A-Za-z0-9+/]{43}=\n"
)


class NotAReceipt(Exception):
    pass


class DoesNotHold(Exception):
    pass


def canonical(value):
    """RFC 8785, of what receipts are made of: no number has a point."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int):
        if abs(value) >= 2**53:
            raise NotAReceipt("A number is too large.")
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(name)}:{canonical(value[name])}" for name in names) + "}"
    raise NotAReceipt("A value is of a kind that receipts do not have.")


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def to_bytes(value):
    try:
        return canonical(value).encode()
    except UnicodeEncodeError as error:
        raise NotAReceipt("A text is not Unicode.") from error


def hexadecimal(text, length):
    found = (
        bytes.fromhex(text) if isinstance(text, str) and re.fullmatch("[0-9a-f]*", text) else b""
    )
    if len(found) != length:
        raise NotAReceipt("A hash or a salt is not written as one.")
    return found


# --- The chain -----------------------------------------------------------------------------------


def check_events(receipt):
    """Each follows the one before it, and says what its hash says. The hashes, by number."""
    before, hashes = bytes(32), {}
    for number, event in enumerate(receipt["events"], start=1):
        covered = event["covered"]
        if covered.get("stream") != receipt["stream"] or covered.get("seq") != number:
            raise DoesNotHold(f"Event {number} is missing, or belongs to something else.")
        if hexadecimal(event["prev_hash"], 32) != before:
            raise DoesNotHold(f"Event {number} does not follow event {number - 1}.")
        hashed = hexadecimal(event["hash"], 32)
        if sha256(before, to_bytes(covered)) != hashed:
            raise DoesNotHold(f"Event {number} is not what was recorded.")
        check_private(number, event)
        before = hashes[number] = hashed
    return hashes


def check_private(number, event):
    """What may be personal is left out, or is what the event committed to."""
    private, covered = event.get("private"), event["covered"]
    if private is None or covered.get("schema_version") == 1:
        return
    committed, salt = covered["commitments"], hexadecimal(private["salt"], 32)
    given = {name: private[name] for name in PRIVATE if name in private}
    if set(given) != set(committed):
        raise DoesNotHold(f"Event {number} holds other fields than it committed to.")
    for name, value in given.items():
        if sha256(salt, to_bytes([name, value])).hex() != committed[name]:
            raise DoesNotHold(
                f"Event {number}: its {name.replace('_', ' ')} is not what was recorded."
            )


# --- The tree (RFC 6962, RFC 9162 §2.1.3.2) --------------------------------------------------------


def check_proofs(receipt, hashes, size, root):
    """Each proven event is a leaf under the root. The numbers of those that are proven."""
    proven = set()
    for proof in receipt["proofs"]:
        seq, index = proof["seq"], proof["index"]
        if seq not in hashes or seq in proven or not isinstance(index, int):
            raise NotAReceipt("A proof is of no event.")
        path = [hexadecimal(step, 32) for step in proof["path"]]
        if climb(sha256(b"\x00", hashes[seq]), index, size, path) != root:
            raise DoesNotHold(f"Event {seq} is not under the checkpoint.")
        proven.add(seq)
    return proven


def climb(leaf, index, size, path):
    if not 0 <= index < size:
        return None
    number, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            return None
        if number % 2 or number == last:
            found = sha256(b"\x01", step, found)
            while not number % 2 and number:
                number, last = number >> 1, last >> 1
        else:
            found = sha256(b"\x01", found, step)
        number, last = number >> 1, last >> 1
    return found if last == 0 else None


# --- The checkpoint (C2SP signed-note, tlog-checkpoint) --------------------------------------------


def check_note(note, key):
    """The size and the root that it is about, its number and time; signed with this key."""
    text, _, signatures = note.partition("\n\n")
    found = NOTE.fullmatch(text + "\n")
    if not found:
        raise NotAReceipt("The checkpoint is not written as one.")
    name, key_id, raw = read_key(key)
    for line in signatures.split("\n"):
        said = re.fullmatch(r"— (\S+) (\S+)", line)
        if not said or said[1] != name:
            continue
        data = decoded(said[2])
        if data[:4] == key_id and verifies(raw, data[4:], (text + "\n").encode()):
            return int(found[2]), base64.b64decode(found[3]), int(found[4]), found[5]
    raise DoesNotHold("The checkpoint is not signed with this key.")


def read_key(text):
    name, _, rest = text.partition("+")
    given_id, _, encoded = rest.partition("+")
    data = decoded(encoded)
    key_id = sha256(name.encode() + b"\n" + data)[:4]
    if data[:1] != b"\x01" or len(data) != 33 or key_id.hex() != given_id:
        raise NotAReceipt("The key is not written as a public key: name+c3f1a2b4+AbCd…=.")
    return name, key_id, data[1:]


def decoded(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise NotAReceipt("Something is not written in base64.") from error
    if base64.b64encode(data).decode() != text:  # there are several ways; one is allowed
        raise NotAReceipt("Something is not written in base64.")
    return data


def verifies(raw, signature, text):
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


# --- All of it -----------------------------------------------------------------------------------


def verify(text, key=None):
    """Sentences about what holds. Raises `NotAReceipt` or `DoesNotHold`."""
    receipt = read(text)
    hashes = check_events(receipt)
    count, stream = len(hashes), receipt["stream"]
    said = [f"{stream}: {count} events, each what was recorded, none missing between them."]
    if receipt["checkpoint"] is None:
        said.append("No event is under a checkpoint yet.")
    else:
        size, root, number, at = check_note(receipt["checkpoint"], key or receipt["public_key"])
        proven = check_proofs(receipt, hashes, size, root)
        said.append(f"{len(proven)} of them are under checkpoint {number}, signed {at}.")
        if late := sorted(set(hashes) - proven):
            said.append(f"Under no checkpoint yet: {', '.join(map(str, late))}.")
    if key is None:
        said.append("The key came with the receipt: give the one you know by --key.")
    return said


def read(text):
    try:
        receipt = json.loads(text, parse_float=refuse, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise NotAReceipt(f"It is not JSON: {error}.") from error
    wanted = {"form": str, "stream": str, "public_key": str, "events": list, "proofs": list}
    if not isinstance(receipt, dict) or receipt.get("form") != FORM:
        raise NotAReceipt(f"It is not of the form “{FORM}”.")
    if not all(isinstance(receipt.get(name), kind) for name, kind in wanted.items()):
        raise NotAReceipt("Something is missing from it.")
    if not isinstance(receipt.get("checkpoint"), (str, type(None))) or not receipt["events"]:
        raise NotAReceipt("Something is missing from it.")
    only(receipt, *wanted, "made_at", "checkpoint")
    for event in receipt["events"]:
        only(event, "covered", "prev_hash", "hash", "private")
        only(event.get("private") or {}, "salt", *PRIVATE)
    for proof in receipt["proofs"]:
        only(proof, "seq", "index", "path")
    return receipt


def only(found, *names):
    """What nobody checks must not be there to be believed."""
    if not set(found) <= set(names):
        raise NotAReceipt("It holds something that receipts do not have.")


def refuse(text):
    raise NotAReceipt("A number has a point.")


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Check a receipt of Approval Queue.")
    parser.add_argument("file")
    parser.add_argument("--key", help="the public key, from whoever runs the product")
    given = parser.parse_args(arguments)
    try:
        with open(given.file, "rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise NotAReceipt("It is too large for a receipt.")
        said = verify(data.decode("utf-8"), given.key)
    except DoesNotHold as error:
        print(f"DOES NOT HOLD. {error}")
        return 1
    except (NotAReceipt, OSError, UnicodeDecodeError) as error:
        print(f"Not a receipt that can be read. {error}")
        return 2
    except (KeyError, TypeError, AttributeError, RecursionError):
        print("Not a receipt that can be read. Something is missing from it, or of the wrong kind.")
        return 2
    print("\n".join([*said, "HOLDS."]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
