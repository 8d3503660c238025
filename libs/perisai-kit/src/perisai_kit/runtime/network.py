"""The network as every HTTP client of ours sees it."""

import httpx

from perisai_kit.runtime.tls import get_ssl_context

MAX_CONNECTIONS, MAX_KEPT = 100, 20


class Network(httpx.AsyncHTTPTransport):
    """httpx's transport with our certificates and no proxy of the environment.

    A peer that dies while a connection to it is being made can leave the event loop's socket
    closed before the HTTP client has looked at it, and the client then fails with an
    AttributeError or a bare OSError. Here that is a lost connection like any other.
    """

    def __init__(self, *, keeps_connections: bool = True) -> None:
        """keeps_connections: False makes a connection for each request."""
        kept = MAX_KEPT if keeps_connections else 0
        limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=kept)
        super().__init__(verify=get_ssl_context(), trust_env=False, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises: httpx.TransportError, whatever happens to the connection."""
        try:
            return await super().handle_async_request(request)
        except (AttributeError, OSError) as error:
            raise httpx.ReadError("The connection was lost.", request=request) from error
