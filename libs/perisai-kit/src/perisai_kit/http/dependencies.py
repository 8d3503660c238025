"""What routes ask for: the session of their transaction, a reading one, the key ring, If-Match."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Header, Request
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import Database
from perisai_kit.domain.errors import PreconditionRequired
from perisai_kit.privacy.keyring import Keyring


async def _current_session(request: Request) -> AsyncSession:
    session = getattr(request.state, "session", None)
    if not isinstance(session, AsyncSession):
        raise RuntimeError("Session needs a router with route_class=TransactionRoute")
    return session


async def _read_session(request: Request) -> AsyncIterator[AsyncSession]:
    database: Database = request.app.state.kit.database
    async with database.read() as session:
        yield session


Session = Annotated[AsyncSession, Depends(_current_session)]
"""The writing session of the request's one transaction."""

ReadSession = Annotated[AsyncSession, Depends(_read_session, scope="function")]
"""A read-only session, closed before the answer is sent."""


async def _keys(request: Request) -> Keyring:
    keyring: Keyring = request.app.state.kit.keyring
    return keyring


Keys = Annotated[Keyring, Depends(_keys)]


async def _if_match(
    if_match: Annotated[
        str | None, Header(max_length=200, description="The ETag you read.")
    ] = None,
) -> str:
    if if_match is None:
        raise PreconditionRequired
    return if_match


IfMatch = Annotated[str, Depends(_if_match)]
"""The ETag that the client read, for `etag.allows`. 428 without the header."""
