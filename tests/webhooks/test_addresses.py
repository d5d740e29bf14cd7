"""AC54, T5.8: which URLs may be saved, and which addresses may be called."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.addresses import NotAllowed, checked_url, is_public

ALLOWED = {
    "https://example.com": "https://example.com/",
    "https://example.com:443/hooks?a=1": "https://example.com/hooks?a=1",
    "HTTPS://Example.COM/Hooks": "https://example.com/Hooks",
    "https://bücher.example/x": "https://xn--bcher-kva.example/x",
    "https://xn--bcher-kva.example/x": "https://xn--bcher-kva.example/x",
    "https://a.b-c.example/%20%C3%BC": "https://a.b-c.example/%20%C3%BC",
    "https://example.com/ü": "https://example.com/%C3%BC",
}
REFUSED = [
    "",
    "example.com",
    "//example.com/",
    "http://example.com/",
    "ftp://example.com/",
    "gopher://example.com/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https:///path",
    "https://",
    "https://example.com:8443/",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://example.com:x/",
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com\\@127.0.0.1/",
    "https://@example.com/",
    "https://example.com/#part",
    "https://example.com/#",
    "https://localhost/",
    "https://intranet/",
    "https://127.0.0.1/",
    "https://93.184.216.34/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.0x1/",
    "https://a.0x1/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.0.1./",
    "https://example.com./",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[fe80::1%25eth0]/",
    "https://①②⑦.0.0.1/",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://-a.example/",
    "https://a-.example/",
    "https://a..example/",
    "https://under_score.example/",
    f"https://{'a' * 64}.example/",
    f"https://{'a.' * 130}example/",
    f"https://example.com/{'a' * 500}",
    "https://example.com/\x00",
    "https://example.com/\n",
    "https://example.com/ a",
    " https://example.com/",
    "https://exa\u202emple.com/",
    "https://exam\u200bple.com/",
    "https://example.com/\ud800",
]


@pytest.mark.parametrize(("text", "url"), ALLOWED.items())
def test_a_url_is_kept_in_one_form(text, url):
    assert checked_url(text) == url
    assert checked_url(url) == url


@pytest.mark.parametrize("text", REFUSED)
def test_a_url_that_may_lead_elsewhere_is_refused(text):
    with pytest.raises(NotAllowed) as refusal:
        checked_url(text)
    assert str(refusal.value).endswith(".")


@given(st.text() | st.text().map("https://{}".format) | st.text().map("https://{}.com/".format))
def test_whatever_is_typed_is_kept_or_refused_and_stays_kept(text):
    try:
        url = checked_url(text)
    except NotAllowed:
        return
    assert url.isascii()
    assert checked_url(url) == url


def test_only_what_the_environment_lists_may_be_called_without_encryption(settings):
    settings.WEBHOOK_TEST_ADDRESSES = ["127.0.0.1:8001"]
    assert checked_url("http://127.0.0.1:8001/x") == "http://127.0.0.1:8001/x"
    for other in (
        "http://127.0.0.1:8002/x",
        "http://127.0.0.1/x",
        "https://127.0.0.1:8001/x",
        "http://127.0.0.1:8001@example.com/",
        "http://u@127.0.0.1:8001/",
    ):
        with pytest.raises(NotAllowed):
            checked_url(other)


PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104 - nothing is bound
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "not an address",
    "",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001::1"]
)
def test_a_public_address_is_accepted(address):
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_no_ipv4_inside_ipv6_is_accepted(four):
    for prefix in ("::ffff:0:0", "::", "64:ff9b::"):
        inside = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) + int(four))
        assert not is_public(str(inside))
    assert not is_public(str(ipaddress.IPv6Address((0x2002 << 112) + (int(four) << 80))))
