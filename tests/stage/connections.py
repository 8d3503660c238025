"""Connections to databases without a model of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg


@asynccontextmanager
async def connect(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Keep a connection open during the block."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
