"""The figures of start pages: many rows to add up, so an office gets those of half a minute."""

from collections.abc import Awaitable, Callable, Collection
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.auth.principal import Principal, Role
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.runtime.short_cache import ShortCache

KEPT_S = 30.0

Figures = TypeVar("Figures")
AddUp = Callable[[AsyncSession, Principal], Awaitable[Figures]]
"""Adds up, on the replica, what a principal may see."""


class Overviews(Generic[Figures]):
    """Figures by principal; offices with the same scope get the same ones, of the same day."""

    def __init__(
        self,
        database: Database,
        add_up: AddUp[Figures],
        *,
        offices: Collection[Role],
        seeing_more: Collection[Role] = (),
        kept_s: float = KEPT_S,
    ) -> None:
        """offices: roles that see by their scope alone. seeing_more: those that get other figures.

        kept_s: seconds.
        """
        self._database = database
        self._add_up = add_up
        self._offices = frozenset(offices)
        self._seeing_more = frozenset(seeing_more)
        self._kept = ShortCache[Figures](kept_s)

    async def read(self, principal: Principal) -> Figures:
        """Return the figures of what the principal may see."""

        async def add_up_now() -> Figures:
            async with self._database.read_replica() as session:
                return await self._add_up(session, principal)

        if principal.roles <= self._offices:
            sees_more = not self._seeing_more.isdisjoint(principal.roles)
            key = (clock.today(), principal.scope, principal.has_country, sees_more)
            return await self._kept.get(key, add_up_now)
        return await add_up_now()
