"""Store the moves of agents to other wadahs: three services keep the same table.

Its columns are those of `AgentMoved` and `is_cancelled`. The events may arrive in any order.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.orm import DeclarativeBase

from perisai_kit.db.bulk import insert_rows_statement
from perisai_kit.events.catalogue import AgentMoved, AgentWadahChangeCancelled

COPIED = ("move_id", "agent_id", "from_wadah_id", "wadah_id", "from_date")


def upsert_moves_statement(model: type[DeclarativeBase], events: Sequence[AgentMoved]) -> Insert:
    """Return the statement that stores each move once; a cancelled move stays cancelled.

    model: the table, with the primary key `move_id`. events: one or more.
    """
    rows: dict[UUID, dict[str, Any]] = {}
    cancelled = {each.move_id for each in events if isinstance(each, AgentWadahChangeCancelled)}
    for each in events:
        copied = {name: getattr(each, name) for name in COPIED}
        rows[each.move_id] = copied | {"is_cancelled": each.move_id in cancelled}
    stored = insert_rows_statement(model, list(rows.values()))
    columns = model.__table__.c
    return stored.on_conflict_do_update(
        index_elements=["move_id"],
        set_={"is_cancelled": True},
        where=stored.excluded.is_cancelled & ~columns.is_cancelled,
    )
