"""One HTTP call to a provider that is not trusted to behave.

No redirect is followed, no proxy is taken from the environment, at most `LARGEST_ANSWER` bytes are
read, nothing is unpacked, and one deadline counts for the whole call, however slowly the other side
drips. Resolving the host's name is left to the system and is the one wait that is not counted.

A caller may keep the connection for its next call (decision 0034). Nothing is ever sent again by
itself, on whatever connection: what was on its way when one broke has an unknown outcome.
"""

import functools
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import httpcore
import httpx

from approvals.kinds.base import Refused, Unknown
from approvals.kinds.evidence import masked
from audit.correlation import headers_of_a_call

LARGEST_ANSWER = 1024 * 1024
END_OF_HEAD = b"\r\n\r\n"
LONGEST_RETRY_AFTER_S = 24 * 3600
TOO_LONG = "(more than is read)"
KEPT_S = 5  # an idle connection; who serves one closes it later than that
Accepts = Callable[[str], bool]  # whether an IP address may be called


class _AddressRefused(httpcore.ConnectError):
    """The host's name leads to an address that must not be called."""


class CallFailed(Exception):
    """No whole answer came. `never_sent`: not a byte of the request can have arrived."""

    def __init__(self, cause: str, evidence: str, *, never_sent: bool) -> None:
        super().__init__(f"{cause}: {evidence}")
        self.cause, self.never_sent = cause, never_sent
        self.evidence = masked(evidence)

    def result(self) -> Refused | Unknown:
        if self.never_sent:
            return Refused(self.cause, permanent=False, evidence=self.evidence)
        return Unknown(self.cause, self.evidence)


@dataclass(frozen=True)
class Answer:
    """What came back. `body` holds the first bytes only when `is_cut`."""

    status: int
    headers: httpx.Headers
    body: bytes
    is_cut: bool = False

    @functools.cached_property
    def fields(self) -> dict[str, Any] | None:
        """The JSON object that was answered; None for everything that is not clearly one."""
        if self.is_cut or self.headers.get("Content-Encoding", "identity") != "identity":
            return None
        if not _is_json(self.headers.get("Content-Type", "")):
            return None
        try:
            read = json.loads(self.body.decode("utf-8"), parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            return None
        return read if isinstance(read, dict) else None

    @property
    def retry_after_s(self) -> float | None:
        return retry_after_s(self.headers)

    @property
    def said(self) -> str:
        """The body for people's eyes, masked and short."""
        return masked(TOO_LONG if self.is_cut else self.body.decode("utf-8", errors="replace"))

    @property
    def evidence(self) -> str:
        return masked(f"HTTP {self.status}: {self.said}")


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: bytes | None,
    seconds: float,
    accepts: Accepts | None = None,
    largest_answer: int = LARGEST_ANSWER,
    keeps: bool = False,
) -> Answer:
    """Raise `CallFailed` when no whole answer came within `seconds`.

    With `accepts`, nothing is called when it refuses any address of the host; the connection goes to
    an address that it was asked about, so that a name cannot lead elsewhere in between. With `keeps` the
    thread's next call to the same server goes over the same connection.
    """
    sent = {**headers, "Accept": "application/json", "Accept-Encoding": "identity"}
    named = {name.lower() for name in headers}
    sent |= {name: text for name, text in headers_of_a_call().items() if name.lower() not in named}
    if not all(value.isascii() and value.isprintable() for value in sent.values()):
        said = "A key or secret holds a character that no header can carry."
        raise CallFailed("not-configured", said, never_sent=True)
    try:
        with (
            _KEPT.pool(seconds) if keeps else _pool(_Deadline(seconds), accepts) as pool,
            pool.stream(method, url, headers=list(sent.items()), content=content) as answer,
        ):
            body, is_cut = _read(answer.iter_stream(), largest_answer)
            found = Answer(answer.status, httpx.Headers(answer.headers), body, is_cut)
            if keeps and not _may_be_kept(found, answer.extensions["network_stream"]):
                _KEPT.drop()
            return found
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as failure:
        raise _failed(failure) from failure
    except httpcore.UnsupportedProtocol as failure:
        raise CallFailed("not-configured", str(failure), never_sent=True) from failure


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The provider's wish to wait, at most a day; None when it has none that makes sense.

    Both forms of RFC 9110 §10.2.3. A date is measured by the provider's own clock where it tells
    it, so that ours may be wrong.
    """
    known = {name.lower(): text for name, text in headers.items()}
    value = known.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return min(float(value), LONGEST_RETRY_AFTER_S)
    until = _moment(value)
    if until is None:
        return None
    from_when = _moment(known.get("date", "")) or time.time()
    return min(max(until - from_when, 0.0), LONGEST_RETRY_AFTER_S)


def _moment(text: str) -> float | None:
    """Seconds since 1970 of an HTTP date."""
    try:
        read = parsedate_to_datetime(text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _may_be_kept(answer: Answer, stream: "_StreamOnTime") -> bool:
    """Only after a plain answer that could be read, to a yes. A byte more than that could be taken for
    the answer to the next call."""
    is_read = 200 <= answer.status < 300 and answer.fields is not None
    return is_read and stream.holds_just(len(answer.body))


def _read(pieces: Iterable[bytes], largest: int) -> tuple[bytes, bool]:
    read = bytearray()
    for piece in pieces:
        read += piece
        if len(read) > largest:
            return bytes(read[:largest]), True
    return bytes(read), False


def _failed(failure: Exception) -> CallFailed:
    if isinstance(failure, _AddressRefused):
        return CallFailed("address-not-allowed", str(failure), never_sent=True)
    evidence = f"{type(failure).__name__}: {failure}"
    if isinstance(failure, httpcore.ConnectError | httpcore.ConnectTimeout):
        return CallFailed("not-reached", evidence, never_sent=True)
    if isinstance(failure, httpcore.TimeoutException):
        return CallFailed("no-answer", evidence, never_sent=False)
    return CallFailed("connection-lost", evidence, never_sent=False)


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


@functools.cache
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


class _Deadline:
    def __init__(self, seconds: float = 0) -> None:
        self.begin(seconds)

    def begin(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def left(self, too_late: type[Exception]) -> float:
        """Seconds that are left; raise `too_late` when none are."""
        seconds = self._ends_at - time.monotonic()
        if seconds <= 0:
            raise too_late("The time for the whole call is over.")
        return seconds


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as failure:
        raise httpcore.ConnectError(str(failure)) from failure
    return list(dict.fromkeys(address[0] for *_, address in found))


class _OnTime(httpcore.NetworkBackend):
    """Ordinary sockets, whose every wait ends with the deadline."""

    def __init__(self, deadline: _Deadline, accepts: Accepts | None) -> None:
        self._deadline, self._accepts = deadline, accepts
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, **options: Any
    ) -> "_StreamOnTime":
        """To the first address that answers; what time is left is shared among the others."""
        addresses = _addresses(host, port)
        if self._accepts and not all(map(self._accepts, addresses)):
            raise _AddressRefused(f"{host} leads to {', '.join(addresses)}.")
        failure: Exception = httpcore.ConnectError(f"{host} has no address.")
        for number, address in enumerate(addresses):
            try:
                share = self._deadline.left(httpcore.ConnectTimeout) / (len(addresses) - number)
                stream = self._network.connect_tcp(address, port, timeout=share, **options)
                return _StreamOnTime(stream, self._deadline).still_in_time()
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class _StreamOnTime(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream, self._deadline = stream, deadline
        self._head, self._received = b"", 0

    def still_in_time(self) -> "_StreamOnTime":
        """Itself; with the time over, it is closed before anything was sent."""
        try:
            self._deadline.left(httpcore.ConnectTimeout)
        except httpcore.ConnectTimeout:
            self.close()
            raise
        return self

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        read = self._stream.read(max_bytes, self._deadline.left(httpcore.ReadTimeout))
        self._received += len(read)
        if END_OF_HEAD not in self._head:
            self._head += read
        return read

    def holds_just(self, length: int) -> bool:
        """Whether one answer with a body of `length` bytes came since the call, and no byte more."""
        head, end, _ = self._head.partition(END_OF_HEAD)
        return self._received == len(head) + len(end) + length

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._head, self._received = b"", 0
        self._stream.write(buffer, self._deadline.left(httpcore.WriteTimeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> "_StreamOnTime":
        left = self._deadline.left(httpcore.ConnectTimeout)
        secured = self._stream.start_tls(ssl_context, server_hostname, left)
        return _StreamOnTime(secured, self._deadline).still_in_time()

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _pool(deadline: _Deadline, accepts: Accepts | None = None) -> httpcore.ConnectionPool:
    return httpcore.ConnectionPool(
        ssl_context=_trusted(),
        network_backend=_OnTime(deadline, accepts),
        retries=0,
        keepalive_expiry=KEPT_S,
    )


class _Kept(threading.local):
    """The connections that this thread keeps, each from one whole answer to the next call."""

    def __init__(self) -> None:
        self._deadline, self._open = _Deadline(), None

    @contextmanager
    def pool(self, seconds: float) -> Iterator[httpcore.ConnectionPool]:
        """For one call, which ends within `seconds`. A call that fails leaves nothing open."""
        self._deadline.begin(seconds)
        self._open = self._open or _pool(self._deadline)
        try:
            yield self._open
        except BaseException:
            self.drop()
            raise

    def drop(self) -> None:
        """Close them, if any are open."""
        if self._open is not None:
            self._open.close()
            self._open = None


_KEPT = _Kept()
