"""The TLS context for outgoing requests."""

import ssl
from functools import cache

import httpx


@cache
def get_ssl_context() -> ssl.SSLContext:
    """Return the TLS context, made once per process.

    Each httpx client would read the certificate authorities again and block the event loop for
    about 30 ms.
    """
    return httpx.create_ssl_context(trust_env=False)
