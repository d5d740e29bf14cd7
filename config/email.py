"""Where mail goes: Django's settings of it, read from one address."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

MAIL_TIMEOUT_S = 20
SMTP_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
EXAMPLES = "smtp+tls://user:password@host:587, smtps://…, smtp://…, file:///folder or console:"


class MalformedAddress(ValueError):
    """The message is the rest of a sentence that begins with the variable's name."""


def email_settings(url: str) -> dict[str, object]:
    """Django's `EMAIL_…` settings. "" sends nothing; `smtp+tls` is STARTTLS, `smtps` TLS at once.

    Raises `MalformedAddress`.
    """
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError as error:
        raise MalformedAddress(f"must look like one of: {EXAMPLES}.") from error
    make = MAKERS.get(parts.scheme)
    if make is None:
        raise MalformedAddress(f"must look like one of: {EXAMPLES}.")
    return make(parts)


def _smtp(parts: SplitResult) -> dict[str, object]:
    if not parts.hostname:
        raise MalformedAddress("names no host.")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or SMTP_PORTS[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": MAIL_TIMEOUT_S,
    }


def _files(parts: SplitResult) -> dict[str, object]:
    folder = Path(unquote(parts.path))
    if parts.netloc or not folder.is_absolute():
        raise MalformedAddress("must name a folder by its absolute path: file:///var/mail/queue.")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
        "EMAIL_FILE_PATH": str(folder),
    }


def _console(parts: SplitResult) -> dict[str, object]:
    return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}


MAKERS: dict[str, Callable[[SplitResult], dict[str, object]]] = {
    **dict.fromkeys(SMTP_PORTS, _smtp),
    "file": _files,
    "console": _console,
}
