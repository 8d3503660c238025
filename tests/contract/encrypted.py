"""Every encrypted column of the platform, and rows for tables whatever else they ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import inspect
from sqlalchemy.orm import DeclarativeBase
from stage.connections import connect

import agent_service.tables
import gateway.tables
import member_service.tables
import payment_service.tables
from perisai_kit.db.columns import KitBase
from perisai_kit.domain.ids import new_id
from perisai_kit.jobs.models import JobsBase
from perisai_kit.privacy.columns import Sealed, get_sealed_columns
from perisai_kit.testing.plugin import Urls

TABLES: dict[str, Any] = {
    "gateway": gateway.tables,
    "agent": agent_service.tables,
    "member": member_service.tables,
    "payment": payment_service.tables,
}

# The tables as they are, but for what they ask of the other columns.
_LOOSEN = """
    DO $$ DECLARE each record; BEGIN
    FOR each IN SELECT conrelid::regclass AS relation, conname FROM pg_constraint
        WHERE contype IN ('c', 'f') AND connamespace = 'public'::regnamespace AND conislocal LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', each.relation, each.conname);
    END LOOP;
    FOR each IN SELECT attrelid::regclass AS relation, attname FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p')
        WHERE NOT relispartition AND relnamespace = 'public'::regnamespace
            AND attnum > 0 AND attnotnull AND attidentity = '' AND NOT attisdropped
            AND NOT EXISTS (SELECT FROM pg_index
                WHERE indrelid = attrelid AND indisprimary AND attnum = ANY (indkey)) LOOP
        EXECUTE format('ALTER TABLE %s ALTER %I DROP NOT NULL', each.relation, each.attname);
    END LOOP;
    ALTER TABLE idempotency_keys ALTER created_at SET DEFAULT now();  -- part of its primary key
    END $$
"""


def models_of(service: str) -> list[type[DeclarativeBase]]:
    """Return the models of a service that have encrypted columns, the kit's among them."""
    bases = (TABLES[service].Base, KitBase, JobsBase)
    mapped = [each.class_ for base in bases for each in base.registry.mappers]
    return sorted(
        (
            each
            for each in mapped
            if get_sealed_columns(each) and each.metadata in TABLES[service].METADATA
        ),
        key=lambda each: each.__name__,
    )


@asynccontextmanager
async def loosened(urls: Urls) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Let a database take rows of encrypted values alone; give a connection of its owner."""
    async with connect(urls.owner) as connection:
        await connection.execute(_LOOSEN)
        yield connection


def new_row(model: type[Any], text: str, row_id: UUID | None = None) -> dict[str, Any]:
    """Return the values of a row: its key, and `text` in every encrypted column.

    row_id: what the key is made of.
    """
    row_id = row_id or new_id()
    key = {
        column.key: row_id if column.type.python_type is UUID else str(row_id)
        for column in inspect(model).primary_key
    }
    return {**key, **{each.name: value_of(each, text) for each in get_sealed_columns(model)}}


def value_of(column: Sealed[Any], text: str) -> str | bytes:
    """Return a value that says which column it was written to."""
    value = f"{text} of {column.context}"
    return value if column.takes is str else value.encode()
