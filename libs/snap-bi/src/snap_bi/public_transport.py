"""An HTTP transport that connects to public addresses only.

A name is resolved once, and the connection uses the address that was checked. A second lookup could
return another address (DNS rebinding).
"""

import asyncio
import socket

import httpx

from snap_bi.addresses import is_public_address

_PORTS = {"http": 80, "https": 443}


class AddressNotPublic(httpx.ConnectError):
    """The host is, or resolves to, an address that is not public."""


class PublicHostTransport(httpx.AsyncBaseTransport):
    """Send requests through `inner` after checking that their host is public."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the first reachable address of its host.

        Raises: AddressNotPublic, and the exceptions of `inner`.
        """
        host = request.url.host
        addresses = await _resolve(host, request.url.port or _PORTS[request.url.scheme])
        if not addresses or not all(is_public_address(each) for each in addresses):
            raise AddressNotPublic("the bank's address is not on the Internet", request=request)
        # TLS still requests and verifies the certificate of the host name.
        extensions = {**request.extensions, "sni_hostname": host}
        error: httpx.ConnectError | None = None
        for address in addresses:
            try:
                return await self._inner.handle_async_request(
                    httpx.Request(
                        request.method,
                        request.url.copy_with(host=address),
                        headers=request.headers,
                        stream=request.stream,
                        extensions=extensions,
                    )
                )
            except httpx.ConnectError as failed:
                # Nothing of the request was sent, so the next address may be tried.
                error = failed
        assert error is not None, "there is an address"
        raise error

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _resolve(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))
