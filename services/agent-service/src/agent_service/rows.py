"""Inserting where the database decides who was first."""

from sqlalchemy import inspect
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.base import Base


async def insert_once(session: AsyncSession, row: Base) -> bool:
    """Insert a row unless a unique index refuses it; tell whether it is new.

    The row stays outside the session, so that changing it afterwards changes nothing.
    """
    mapper = inspect(type(row))
    values = {each.key: getattr(row, each.key) for each in mapper.column_attrs}
    key = mapper.primary_key[0]
    statement = insert(type(row)).values(values).on_conflict_do_nothing().returning(key)
    return await session.scalar(statement) is not None
