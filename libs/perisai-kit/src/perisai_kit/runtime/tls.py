"""Whose certificates are believed when we call somebody."""

import ssl
from functools import cache

import httpx


@cache
def get_ssl_context() -> ssl.SSLContext:
    """Return the certificate authorities, read once a process.

    Each client of httpx would read them for itself, and the event loop stands still meanwhile:
    some 30 ms each time.
    """
    return httpx.create_ssl_context(trust_env=False)
