"""Where webhooks may be sent, judged without sending anything."""

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.receiver import receiving
from ticketflow.adapters.webhook_address import MAX_URL_LENGTH, is_public, read_url
from ticketflow.adapters.webhook_post import UndeliveredError, WebhookPost
from ticketflow.errors import InvalidInputError

# First, last and something between of every block that is not the internet's; what only clouds answer on is named.
INSIDE = [
    *("0.0.0.0", "0.1.2.3", "0.255.255.255"),  # noqa: S104  # nobody binds to it
    *("10.0.0.0", "10.255.255.255", "100.64.0.0", "100.100.100.200", "100.127.255.255"),
    *("127.0.0.1", "127.255.255.254", "169.254.0.0", "169.254.169.254", "169.254.170.2", "169.254.255.255"),
    *("172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"),
    *("192.0.0.0", "192.0.0.8", "192.0.0.9", "192.0.0.10", "192.0.0.170", "192.0.0.192", "192.0.0.255"),
    *("192.31.196.0", "192.31.196.255", "192.52.193.0", "192.52.193.255", "192.175.48.0", "192.175.48.255"),
    *("192.0.2.1", "192.88.99.1", "192.88.99.255", "198.18.0.0", "198.19.255.255", "198.51.100.7", "203.0.113.255"),
    *("224.0.0.1", "233.252.0.1", "239.255.255.255", "240.0.0.1", "254.1.2.3", "255.255.255.255"),
    *("168.63.129.16", "199.36.153.4", "199.36.153.11", "161.26.0.10", "166.8.0.1", "166.11.255.255"),
    *("::", "::1", "::7f00:1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:10.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "100:0:0:1::1", "0400::1"),
    *("2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::1"),
    *("2001:db8::1", "2002::1", "2002:7f00:1::1", "2002:a9fe:a9fe::", "2620:4f:8000::1", "3fff::1", "3fff:fff::1"),
    *("3ffe::1", "4000::1", "5f00::1", "fc00::1", "fd00::1", "fd00:ec2::254", "fd20:ce::254"),
    *("fe80::1", "fe80::1%eth0", "fe80::1234:5678:9abc", "febf::1", "fec0::1", "feff::1", "ff02::1", "ff0e::1"),
]
PUBLIC = [
    *(
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
    ),
    *("169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0"),
    *(
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
    ),
    *("192.31.195.255", "192.31.197.0", "192.52.192.255", "192.52.194.0", "192.175.47.255", "192.175.49.0"),
    *("161.25.255.255", "161.27.0.0", "166.7.255.255", "166.12.0.0", "199.36.153.3", "199.36.153.12"),
    *("203.0.112.255", "203.0.114.0", "223.255.255.255", "168.63.129.15", "168.63.129.17", "93.184.216.34"),
    *("2001:200::1", "2001:4860:4860::8888", "2001:db7::1", "2001:db9::1", "2003::1", "2606:4700::1111", "3ffd::1"),
    *("2a00:1450:4001::1", "3ffd:ffff::1", "2620:4f:7fff::1", "2620:4f:8001::1"),
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_of_some_network_s_inside_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address):
    assert is_public(address)


@given(st.ip_addresses())
def test_what_python_takes_for_private_is_not_public(address):
    assert address.is_global or not is_public(str(address))


@given(
    st.ip_addresses(v=4), st.sampled_from(["::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::", "2002::"])
)
def test_an_ipv4_address_in_an_ipv6_address_is_not_public(address, prefix):
    shift = 80 if prefix == "2002::" else 0

    assert not is_public(str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) + (int(address) << shift))))


@pytest.fixture(scope="module")
def resolved():
    """Say what names are looked up to; a client takes long to build."""
    return []


@pytest.fixture(scope="module")
def guarded(resolved):
    return WebhookPost(5, allow_private=False, resolve=lambda *_: resolved)


NOWHERE = WebhookPost(5, allow_private=True, resolve=lambda *_: [])


@pytest.mark.parametrize("address", INSIDE)
def test_a_delivery_goes_nowhere_inside_and_its_error_does_not_say_where_that_is(guarded, resolved, address):
    resolved[:] = [address]

    with pytest.raises(UndeliveredError, match=r"hook\.example has not a public address") as refused:
        guarded("https://hook.example/", {}, b"{}")

    assert address not in str(refused.value)
    assert not re.search(r"\d+\.\d+\.\d+", str(refused.value))


def test_what_was_answered_is_not_repeated_if_it_is_no_http():
    with receiving() as receiver, pytest.raises(UndeliveredError) as refused:
        WebhookPost(5, allow_private=True)(f"https://127.0.0.1:{receiver.server_port}/", {}, b"{}")

    assert "HTTP/1.1" not in str(refused.value)


ODD_URLS = [
    *("http://xn--a.com/", "http://xn--/", "http://xn--a", "http://a.xn--a.example", "http://xn--\u00e9.com"),
    *("http://a:b/", "http://a:65536/", "http://a:99999/", "http://a:0/", "http://a:-1/", "http://a:1e3/"),
    *(
        "http://[::1",
        "http://::1]/",
        "http://[]/",
        "http://[v1.x]/",
        "http://[::1]x/",
        "http://[1.2.3.4]/",
        "http://[g::]/",
    ),
    *("http://user@shop.example/", "http://:pw@shop.example/", "http://shop.example\\@evil.example/", "http://a@b@c/"),
    *(f"http://{'a' * 64}.example/", f"http://{'a.' * 130}example/", "http://" + "\u00e9" * 60 + ".example/"),
    *("http://a..example/", "http://.example/", "http://-a.example/", "http://a-.example/", "http://%6c.example/"),
    *("http:///x", "http:x", "http://", "//shop.example", "shop.example", "ftp://shop.example", "javascript:alert(1)"),
    *("http://\x00.example/", "http://a\x00b.example/", "http://shop.example/\x00", "http://\ud800.example/"),
    *("http://shop.example/#part", "http://sh op.example/", "http://\u2603.example/", "http://\uff11.example/"),
    *(
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://*.example/",
        "http://a,b.example/",
        "http://?x",
        "",
    ),
]
PRIVATE_URLS = [
    *(
        "http://127.0.0.1/",
        "http://10.1.2.3:8080/x",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://192.0.0.192/",
    ),
    *(
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost:1/",
        "http://127.0.0.1./",
        "http://[fd00:ec2::254]/",
    ),
    # Resolvers read these as 127.0.0.1, 10.0.0.1 and 169.254.169.254.
    *("http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://017700000001/", "http://127.1/"),
    *(
        "http://0177.0.0.1/",
        "http://127.0.1/",
        "http://0x7F.0.0.0x1/",
        "http://10.1/",
        "http://0/",
        "http://0xa9fea9fe/",
    ),
    *("http://127\u30020\u30020\u30021/", "http://\uff11\uff12\uff17.0.0.1/", "http://127.0.0.0x1/", "http://0x/"),
]


PRIVATE_HOSTS = ["http://127.0.0.1/", "http://[::1]/", "http://localhost/", "http://a.localhost:8080/"]


@pytest.mark.parametrize("url", [*ODD_URLS, *PRIVATE_URLS], ids=ascii)
def test_an_address_that_is_none_or_leads_inside_is_refused(url):
    with pytest.raises(InvalidInputError, match=r"^url: "):
        read_url(url, allow_private=False)


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://shop.example/hooks?a=1", "https://shop.example/hooks?a=1"),
        ("HTTPS://Shop.Example:8443", "https://shop.example:8443"),
        ("https://b\u00fccher.example/\u00fc", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://my_service.shop.example./", "https://my_service.shop.example./"),
        ("http://93.184.216.34:65535/", "http://93.184.216.34:65535/"),
        ("http://shop.example:1/", "http://shop.example:1/"),
        ("https://[2606:4700::1111]:443/x", "https://[2606:4700::1111]/x"),
        (
            "https://discord.com/api/webhooks/1345678901234567890/a-B_c",
            "https://discord.com/api/webhooks/1345678901234567890/a-B_c",
        ),
    ],
)
def test_an_address_is_kept_as_it_goes_over_the_wire(url, written):
    assert read_url(url, allow_private=False) == written


LONGEST_LABEL = "a" * 63
LONGEST_NAME = ".".join([LONGEST_LABEL] * 3 + ["a" * 61])


@pytest.mark.parametrize("host", [LONGEST_LABEL, f"{LONGEST_LABEL}.example", f"a.{LONGEST_LABEL}", LONGEST_NAME])
def test_a_host_may_be_as_long_as_a_name_can_be(host):
    assert read_url(f"https://{host}/", allow_private=False) == f"https://{host}/"


@pytest.mark.parametrize("host", [f"a{LONGEST_LABEL}.example", f"a.a{LONGEST_LABEL}", f"{LONGEST_NAME}a"])
def test_a_host_that_is_longer_than_a_name_can_be_is_refused(host):
    with pytest.raises(InvalidInputError, match="neither a name nor an IP address"):
        read_url(f"https://{host}/", allow_private=False)


@pytest.mark.parametrize("url", PRIVATE_HOSTS)
def test_an_address_inside_is_kept_where_that_is_allowed(url):
    assert read_url(url, allow_private=True) == url


def test_an_address_may_be_2_000_characters_long_and_no_more():
    longest = "https://shop.example/".ljust(2_000, "a")

    assert read_url(longest, allow_private=False) == longest
    with pytest.raises(InvalidInputError, match="at most 2,000 characters"):
        read_url(f"{longest}a", allow_private=False)


def test_an_address_that_grows_too_long_on_the_wire_is_refused():
    with pytest.raises(InvalidInputError, match="at most 2,000 characters"):
        read_url("https://shop.example/" + "\u00e9" * 1_000, allow_private=False)


def test_an_error_does_not_repeat_a_card_number():
    with pytest.raises(InvalidInputError) as caught:
        read_url("https://4111111111111111.localhost/", allow_private=False)

    assert "localhost" in str(caught.value)
    assert "4111111111111111" not in str(caught.value)


def test_an_address_without_a_host_is_told_so():
    with pytest.raises(InvalidInputError, match="names a host"):
        read_url("https:///hooks", allow_private=False)


@pytest.mark.parametrize(
    "number", ["4111111111111111", "4111-1111-1111-1111", "%34111111111111111", "DE89370400440532013000"]
)
def test_an_address_with_a_card_number_is_refused_without_repeating_it(number):
    with pytest.raises(InvalidInputError, match="card or account number") as refused:
        read_url(f"https://shop.example/{number}", allow_private=False)

    assert number not in str(refused.value)


_HOSTS = st.one_of(
    st.text(max_size=80),
    st.text("xn-abc.09:[]%@/\\#? \u3002\uff0e\u00df\u200d\ud800\x00", max_size=40),
    st.builds("xn--{}.com".format, st.text("abc019-\u00e9", max_size=70)),
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map("[{}]".format),
)


@given(
    st.sampled_from(["http://", "https://", "HTTP://", "//", "http:", "", "ftp://"]),
    st.sampled_from(["", "u@", "u:p@", ":@", "\\@"]),
    _HOSTS,
    st.one_of(st.just(""), st.integers().map(":{}".format), st.text(max_size=8).map(":{}".format)),
    st.text(max_size=40),
    st.booleans(),
)
def test_whatever_is_given_is_refused_in_words_or_can_be_sent_to(scheme, user, host, port, path, allow_private):
    try:
        url = read_url(f"{scheme}{user}{host}{port}/{path}", allow_private=allow_private)
    except InvalidInputError:
        return

    assert url.isascii()
    assert len(url) <= MAX_URL_LENGTH
    with pytest.raises(UndeliveredError, match="has no address"):
        NOWHERE(url, {}, b"{}")
