"""Where connections come from, and how many there are."""

import asyncio
import datetime
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from prometheus_client import REGISTRY

from gateway.edge.connection import Address, PoolBusy, Unreachable
from gateway.edge.pool import KEPT_CONNECTION_S, PoolLimits, UpstreamPool

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy. fixture"),
]


ONE = PoolLimits(max_connections=1, max_waiting=8, wait_s=2, connect_timeout_s=2, read_timeout_s=2)
MANY = PoolLimits(
    max_connections=100, max_waiting=8, wait_s=2, connect_timeout_s=2, read_timeout_s=2
)


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "path"),
    [
        ("http://member:8002", "member", 8002, b"member:8002", b""),
        ("http://member:8002/", "member", 8002, b"member:8002", b""),
        ("http://Member.Test", "member.test", 80, b"member.test", b""),
        ("http://[::1]:8002/base/", "::1", 8002, b"[::1]:8002", b"/base"),
        ("http://member_service:80", "member_service", 80, b"member_service", b""),
    ],
)
async def test_an_address_is_taken_apart(
    url: str, host: str, port: int, authority: bytes, path: bytes
) -> None:
    address = Address(url)

    assert (address.host, address.port, address.authority, address.path) == (
        host, port, authority, path,
    )  # fmt: skip


@pytest.mark.parametrize(
    "url", ["", "member:8002", "ftp://member", "http://", "http://a:b@member", "http://m?x=1"]
)
async def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="upstream"):
        Address(url)


@pytest.mark.parametrize(("host", "name"), [("::1", "[::1]"), ("127.0.0.1", "localhost")])
async def test_ipv6_and_names_are_reached(make_scene: Any, host: str, name: str) -> None:
    scene = await make_scene(host=host, name=name)

    assert (await scene.ask()).body == b"ok"


async def test_tls_is_spoken_to_those_we_trust_only(
    make_scene: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = _server_context(tmp_path)
    untrusted = await make_scene(name="localhost", tls=tls)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate"))
    trusted = await make_scene(name="localhost", tls=tls)

    answers = [await trusted.ask() for _ in range(2)]
    with pytest.raises(Unreachable):
        await untrusted.ask()

    assert [answer.body for answer in answers] == [b"ok", b"ok"]
    assert trusted.connections == 1


async def test_who_is_not_there_is_unreachable(unused_tcp_port: int) -> None:
    pool = UpstreamPool("test", f"http://127.0.0.1:{unused_tcp_port}", ONE)

    for _ in range(2):  # the place is given back
        with pytest.raises(Unreachable, match="ConnectionRefusedError"):
            await pool.acquire()


async def test_who_does_not_accept_is_given_up() -> None:
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for waiting in (first, second):  # the queue is full
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())

        pool = UpstreamPool("test", f"http://127.0.0.1:{listener.getsockname()[1]}", ONE)
        with pytest.raises(Unreachable):
            await pool.acquire()


async def test_so_many_are_lent_and_no_more(make_scene: Any) -> None:
    scene = await make_scene(most=2)
    lent = [await scene.pool.acquire() for _ in range(2)]

    with pytest.raises(PoolBusy):
        await scene.pool.acquire()
    waiting = asyncio.create_task(scene.ask())
    given_up = asyncio.create_task(scene.ask())
    await asyncio.sleep(0)
    given_up.cancel()
    scene.pool.release(lent.pop())

    assert (await waiting).body == b"ok"
    assert given_up.cancelled() or await asyncio.wait([given_up])
    for connection in lent:
        scene.pool.release(connection)
    assert [(await scene.ask()).body for _ in range(3)] == [b"ok"] * 3


async def test_who_finds_too_many_waiting_is_turned_away_at_once(make_scene: Any) -> None:
    scene = await make_scene(most=1)
    lent = await scene.pool.acquire()
    waiting = [asyncio.create_task(scene.ask()) for _ in range(8)]
    await asyncio.sleep(0)

    with pytest.raises(PoolBusy):
        await scene.pool.acquire()

    scene.pool.release(lent)
    assert [(await each).body for each in waiting] == [b"ok"] * 8


async def test_several_addresses_share_the_work(make_scene: Any) -> None:
    scenes = [await make_scene(most=1) for _ in range(3)]
    pool = _pool_of(scenes)

    lent = [await pool.acquire() for _ in range(6)]

    assert sorted(each.address.port for each in lent) == sorted(
        scene.address.port for scene in scenes for _ in range(2)
    )
    for connection in lent:
        pool.release(connection)
    await pool.close()


async def test_an_address_that_is_not_there_is_passed_over(
    make_scene: Any, unused_tcp_port: int
) -> None:
    scene = await make_scene()
    gone = f"http://127.0.0.1:{unused_tcp_port}"
    pool = UpstreamPool("test", f"{gone}, http://127.0.0.1:{scene.address.port}", MANY)

    lent = [await pool.acquire() for _ in range(4)]

    assert {each.address.port for each in lent} == {scene.address.port}
    assert pool.addresses[0].avoided_until > asyncio.get_running_loop().time()
    for connection in lent:
        pool.release(connection)
    await pool.close()


async def test_a_pool_shows_its_figures(make_scene: Any) -> None:
    scene = await make_scene(most=1)
    pool = UpstreamPool("shown", f"http://127.0.0.1:{scene.address.port}", ONE)
    lent = await pool.acquire()
    waiting = asyncio.create_task(pool.acquire())
    await asyncio.sleep(0)

    figures = {
        name: REGISTRY.get_sample_value(f"perisai_upstream_{name}", {"pool": "shown"})
        for name in ("connections_lent", "requests_waiting")
    }

    assert figures == {"connections_lent": 1, "requests_waiting": 1}
    pool.release(lent)
    pool.release(await waiting)
    await pool.close()


def _pool_of(scenes: Any) -> UpstreamPool:
    urls = ",".join(f"http://127.0.0.1:{scene.address.port}" for scene in scenes)
    return UpstreamPool("test", urls, MANY)


async def test_a_connection_that_rested_too_long_is_not_used(make_scene: Any) -> None:
    scene = await make_scene()
    await scene.ask()
    scene.address.idle[0].idle_since -= KEPT_CONNECTION_S

    await scene.ask()

    assert scene.connections == 2


async def test_a_closed_pool_keeps_nothing(make_scene: Any) -> None:
    scene = await make_scene()
    lent = await scene.pool.acquire()
    await scene.ask()
    idle = scene.address.idle[0]

    await scene.pool.close()
    scene.pool.release(lent)

    assert not idle.is_open
    assert not lent.is_open
    assert not scene.address.idle


def _server_context(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)  # noqa: TID251 - a certificate is of the real time
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate", folder / "key")
    return context
