"""A transport that calls hosts on the Internet only, whatever their names are resolved to.

A name is resolved once and the connection is made to the address that was looked at: a second
look could bring another address (DNS rebinding).
"""

import asyncio
import socket

import httpx

from snap_bi.addresses import is_public_address

_PORTS = {"http": 80, "https": 443}


class AddressNotPublic(httpx.ConnectError):
    """The host is, or is resolved to, an address that is not on the Internet."""


class PublicHostTransport(httpx.AsyncBaseTransport):
    """Carries requests by `inner`, once their host is known to lie outside."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the first address of its host that can be reached.

        Raises: AddressNotPublic, and whatever `inner` raises.
        """
        host = request.url.host
        addresses = await _resolve(host, request.url.port or _PORTS[request.url.scheme])
        if not addresses or not all(is_public_address(each) for each in addresses):
            raise AddressNotPublic("the bank's address is not on the Internet", request=request)
        # TLS still asks for, and checks, the certificate of the name.
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
                # Raised before a byte of the request was sent, so the next one may have it.
                error = failed
        assert error is not None, "there is an address"
        raise error

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _resolve(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))
