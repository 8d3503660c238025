"""Dependencies of routes: sessions, the key ring, If-Match, and the check of query parameters."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, get_origin

from fastapi import Depends, Header, Request
from fastapi.dependencies.utils import get_flat_params, get_validation_alias
from fastapi.params import ParamTypes
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.db.engine import Database
from perisai_kit.domain.errors import PreconditionRequired
from perisai_kit.http.validation import ParameterRepeated, ParameterUnknown
from perisai_kit.privacy.keyring import Keyring


async def _current_session(request: Request) -> AsyncSession:
    session = getattr(request.state, "session", None)
    if not isinstance(session, AsyncSession):
        raise RuntimeError("Session needs a router with route_class=TransactionRoute")
    return session


async def _read_session(request: Request) -> AsyncIterator[AsyncSession]:
    database: Database = request.app.state.kit.database
    async with database.read() as session:
        request.state.read_session = session
        yield session


async def _replica_session(request: Request) -> AsyncIterator[AsyncSession]:
    database: Database = request.app.state.kit.database
    async with database.read_replica() as session:
        request.state.read_session = session
        yield session


Session = Annotated[AsyncSession, Depends(_current_session)]
"""The writing session of the request's one transaction."""

ReadSession = Annotated[AsyncSession, Depends(_read_session, scope="function")]
"""A read-only session, closed before the answer is sent.

Where the answer shows persons, the route is a `ReadRoute`, which records the reading.
"""

ReplicaSession = Annotated[AsyncSession, Depends(_replica_session, scope="function")]
"""A read-only session for lists, statements and exports, on the replica if there is one."""


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
        raise PreconditionRequired(header="If-Match")
    return if_match


IfMatch = Annotated[str, Depends(_if_match)]
"""The ETag that the client read, for `etag.allows`. Without the header the answer is 428."""


CHECKED_PATHS = ("/v1/", "/.well-known/", "/feed")
"""Health checks, metrics and documents take any parameter: tools add their own."""
_SEQUENCES = (list, tuple, set, frozenset)
_parameters: dict[Callable[..., Any], dict[str, bool]] = {}


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse query parameters that the route does not have, or that come more than once.

    A misspelt filter would otherwise return everything. Raises: ParameterUnknown,
    ParameterRepeated.
    """
    if not request.scope["query_string"] or not request.url.path.startswith(CHECKED_PATHS):
        return
    known = _list_parameters(request.scope["route"])
    sent = Counter(name for name, _ in request.query_params.multi_items())
    unknown = [name for name in sent if name not in known]
    repeated = [name for name, times in sent.items() if times > 1 and known.get(name) is False]
    if unknown:
        raise ParameterUnknown(unknown=unknown, repeated=repeated, allowed=known)
    if repeated:
        raise ParameterRepeated(repeated=repeated, allowed=known)


def _list_parameters(route: APIRoute) -> dict[str, bool]:
    """Return the query parameters of a route, and whether each may come more than once."""
    found = _parameters.get(route.endpoint)
    if found is None:
        found = _parameters[route.endpoint] = {
            get_validation_alias(field): get_origin(field.field_info.annotation) in _SEQUENCES
            for field in get_flat_params(route.dependant)
            if getattr(field.field_info, "in_", None) is ParamTypes.query
        }
    return found
