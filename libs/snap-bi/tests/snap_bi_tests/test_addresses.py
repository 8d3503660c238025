"""Banks are called at public addresses only."""

import httpx
import pytest

from snap_bi.addresses import is_public_address, is_public_host
from snap_bi.public_transport import AddressNotPublic, PublicHostTransport

INNER = [
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "0177.0.0.1",
    "2130706433",
    "0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::1]",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
]
INNER_NAMES = [
    "",
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "payment",
    "printer.local",
    "metadata.google.internal",
    "payment.perisai.svc.cluster.local",
    "payment.perisai.svc",
    "router.home.arpa",
    "127\u30020\u30020\u30021",
]


@pytest.mark.parametrize("host", [*INNER, *INNER_NAMES])
def test_a_private_host_is_refused(host: str) -> None:
    assert not is_public_host(host)


@pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700::1111]", "bank.test", "api.bank.co.id"])
def test_a_public_host_is_accepted(host: str) -> None:
    assert is_public_host(host)


@pytest.mark.parametrize("text", ["fec0::1", "feff::1", "fe80::1%eth0", "fc00::1"])
def test_private_ipv6_addresses_are_not_public(text: str) -> None:
    assert not is_public_address(text)


@pytest.mark.parametrize("text", ["64:ff9b::808:808", "2606:4700::1111", "8.8.8.8"])
def test_an_embedded_ipv4_address_decides(text: str) -> None:
    assert is_public_address(text)


class Inner:
    """The inner transport: it records its requests and fails as prepared."""

    def __init__(self, *failures: Exception) -> None:
        self.requests: list[httpx.Request] = []
        self._failures = list(failures)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self._failures:
            raise self._failures.pop(0)
        return httpx.Response(200)


def open_client(inner: Inner) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=PublicHostTransport(httpx.MockTransport(inner)))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8003/x", "https://localhost/", "http://[::1]/", "http://2130706433/"]
)
async def test_nothing_is_sent_to_a_name_that_resolves_to_a_private_address(url: str) -> None:
    inner = Inner()

    async with open_client(inner) as client:
        with pytest.raises(AddressNotPublic):
            await client.post(url, content=b"x")

    assert inner.requests == []


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://8.8.8.8/a?b=1", "8.8.8.8"), ("https://[2606:4700::1111]:8443/a", "2606:4700::1111")],
)
async def test_a_call_goes_to_the_address_that_was_checked(url: str, host: str) -> None:
    inner = Inner()

    async with open_client(inner) as client:
        await client.post(url, content=b"x")

    (request,) = inner.requests
    assert request.url == url
    assert request.headers["host"] == httpx.URL(url).netloc.decode()
    assert request.extensions["sni_hostname"] == host
    assert request.content == b"x"


async def test_an_unreachable_host_raises_a_connect_error() -> None:
    async with open_client(Inner(httpx.ConnectError("away"))) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("https://8.8.8.8/")
