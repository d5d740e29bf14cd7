"""EMAIL_URL: where mail goes, or one sentence that says what is wrong."""

import pytest

from config.email import email_settings
from config.env import ConfigurationError, read

KEY = {"SECRET_KEY": "k" * 40}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.com", ("mail.example.com", 25, "", "", False, False)),
        ("smtp+tls://u%40x:p%2Fw@mail:2525", ("mail", 2525, "u@x", "p/w", True, False)),
        ("smtps://u:p@mail", ("mail", 465, "u", "p", False, True)),
    ],
)
def test_a_server_is_read_from_one_address(url, expected):
    found = email_settings(url)
    names = ("HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL")
    assert tuple(found[f"EMAIL_{name}"] for name in names) == expected
    assert found["EMAIL_TIMEOUT"] > 0


def test_a_folder_and_nothing_at_all():
    assert email_settings("file:///var/mail/queue")["EMAIL_FILE_PATH"] == "/var/mail/queue"
    assert email_settings("")["EMAIL_BACKEND"].endswith("dummy.EmailBackend")


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "http://x",
        "smtp://",
        "smtp://x:port",
        "file://host/x",
        "smtp://[",
        "file:x",
    ],
)
def test_what_is_no_address_stops_the_start(url):
    with pytest.raises(ConfigurationError, match="^EMAIL_URL "):
        read({**KEY, "EMAIL_URL": url})


@pytest.mark.parametrize("address", ["x", "a@b, c@d", "A <a@b.c>", "a@b\nBcc: c@d"])
def test_a_sender_is_one_plain_address(address):
    with pytest.raises(ConfigurationError, match="^EMAIL_FROM "):
        read({**KEY, "EMAIL_FROM": address})
