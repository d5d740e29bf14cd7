"""Which addresses may be called: rules for URLs, and for what a host's name leads to.

The URL is checked when it is saved and before each call; each IP address is checked on the
connection that is made to it, so a name that leads elsewhere the second time gains nothing.
"""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

import httpx
from django.conf import settings

LONGEST_URL = 500
LONGEST_HOST = 253
LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
# The last label of a name has a letter and is no hexadecimal number: the others are read as IPv4
# addresses by some (2130706433, 127.1, 0177.0.0.1, 0x7f.0.0.0x1).
HOST = re.compile(rf"(?:{LABEL}\.)+(?!0x)(?=[a-z0-9-]*[a-z]){LABEL}", re.ASCII)
PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")
# Global by their number, and not the receiver's own: tunnels into IPv4, documentation, metadata.
REFUSED = [
    ipaddress.ip_network(network)
    for network in (
        "2002::/16",  # 6to4
        "2001::/23",  # Teredo and others
        "2001:db8::/32",
        "3fff::/20",
        "192.0.0.0/24",  # of protocols; some of it counts as global, also a cloud's metadata
        "168.63.129.16/32",  # the metadata service of a cloud, on a public number
    )
]


class NotAllowed(Exception):
    """The message is a sentence for the person who typed the URL."""


def checked_url(text: str) -> str:
    """The URL in its one form, with its host in ASCII. Raise `NotAllowed`."""
    if len(text) > LONGEST_URL:
        raise NotAllowed(f"The URL can have at most {LONGEST_URL} characters.")
    if not text.isprintable() or re.search(r"[\s\\]", text):
        raise NotAllowed("The URL holds a space, a backslash or an invisible character.")
    try:
        parts, read = urlsplit(text), httpx.URL(text)
        port = parts.port
    except (ValueError, httpx.InvalidURL) as error:
        raise NotAllowed("Enter a URL like https://example.com/webhooks.") from error
    if "@" in parts.netloc or "#" in text:
        raise NotAllowed("The URL must have no user name, no password and no part after #.")
    if is_for_trials(parts):
        return f"http://{parts.netloc}{_path(read)}"
    if parts.scheme != "https":
        raise NotAllowed("The URL must start with https://.")
    if port not in (None, 443):
        raise NotAllowed("The URL must use port 443.")
    host = read.raw_host.decode("ascii")
    if len(host) > LONGEST_HOST or not HOST.fullmatch(host):
        raise NotAllowed("The URL needs a host name such as example.com, not a number or one word.")
    return f"https://{host}{_path(read)}"


def is_for_trials(parts: SplitResult) -> bool:
    """Whether the environment allows exactly this host and port, without encryption."""
    return parts.scheme == "http" and parts.netloc in settings.WEBHOOK_TEST_ADDRESSES


def is_public(address: str) -> bool:
    """Whether an IP address is on the public network. Everything embedded in IPv6 is refused."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if any(ip in network for network in REFUSED):
        return False
    if ip.version == 6:
        return ip in PUBLIC_IPV6 and ip.is_global
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _path(read: httpx.URL) -> str:
    return read.raw_path.decode("ascii")
