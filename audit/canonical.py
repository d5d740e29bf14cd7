"""The bytes that are hashed: RFC 8785, the JSON Canonicalization Scheme.

The package `rfc8785` writes them in Python, character by character. What events are made of (texts, small
whole numbers, lists, and objects with names in ASCII) Python's json module writes the same, four times
as fast; everything else, and every mistake, is left to the package. A test compares the two.
"""

import json

import rfc8785

LARGEST = 2**53 - 1

_encode = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode


def canonical(value: object) -> bytes:
    """Raises `rfc8785.CanonicalizationError` for what JSON cannot hold exactly."""
    if not _is_written_alike(value):
        return rfc8785.dumps(value)
    try:
        return _encode(value).encode()
    except UnicodeEncodeError:  # half of a character
        return rfc8785.dumps(value)


def _is_written_alike(value: object) -> bool:
    kind = type(value)
    if isinstance(value, str) or value is None or kind is bool:  # also a choice, which is a text
        return True
    if kind is int:
        return -LARGEST <= value <= LARGEST
    if kind is list:
        return all(map(_is_written_alike, value))
    if kind is dict:  # names beyond ASCII are sorted in another way
        return all(type(name) is str and name.isascii() for name in value) and all(
            map(_is_written_alike, value.values())
        )
    return False
