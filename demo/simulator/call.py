"""One HTTP call as received, and how its parts are read."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from .answers import Refused, error

MAX_KEY_LENGTH = 255


@dataclass(frozen=True, kw_only=True)
class Call:
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    wait: Callable[[float], None]
    """Waits these seconds, less when the client leaves or the simulator stops."""

    @property
    def key(self) -> str | None:
        return self.headers.get("Idempotency-Key")

    def checked_key(self) -> str | None:
        if self.key is not None and not 1 <= len(self.key) <= MAX_KEY_LENGTH:
            raise Refused(
                error(400, None, f"Idempotency keys have 1 to {MAX_KEY_LENGTH} characters.")
            )
        return self.key

    def credential(self) -> str | None:
        """The Bearer token, or the user name of Basic."""
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return value.strip() or None
        if scheme.lower() == "basic":
            return _basic_user(value)
        return None

    def query_parameters(self) -> dict[str, str]:
        return _pairs(self.query)

    def form(self) -> dict[str, str]:
        try:
            return _pairs(self.body.decode("ascii"))
        except UnicodeDecodeError:
            raise Refused(error(400, None, "The body is not form-encoded.")) from None

    def json_object(self) -> dict[str, Any]:
        try:
            value = json.loads(self.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise Refused(error(400, "malformed", "The body is not valid JSON.")) from None
        if not isinstance(value, dict):
            raise Refused(error(400, "malformed", "The body must be a JSON object."))
        return value


def fingerprint(call: Call, parameters: Mapping[str, Any]) -> str:
    """Equal for two calls that ask for the same, however they are spelled."""
    canonical = json.dumps([call.method, call.path, parameters], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _pairs(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=200
        )
    except ValueError:
        raise Refused(error(400, None, "The parameters are not form-encoded.")) from None
    return dict(pairs)


def _basic_user(value: str) -> str | None:
    try:
        decoded = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return decoded.partition(":")[0] or None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
