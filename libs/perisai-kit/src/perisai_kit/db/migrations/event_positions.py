"""The version of the kit's tables in which positions of events have a table of their own."""

from typing import Any

from sqlalchemy import text

from perisai_kit.db.migrations.steps import (
    create_index_concurrently,
    drop_index_concurrently,
    execute_script,
    refuse_if,
)

BATCH = 50_000

_TABLE = """
CREATE TABLE event_positions (
    position bigint CONSTRAINT pk_event_positions PRIMARY KEY,
    event_id uuid NOT NULL,
    type text NOT NULL,
    highest bigint,
    gaps int8multirange
);
CREATE INDEX ix_event_positions_type_position ON event_positions (type, position);
GRANT SELECT, INSERT ON event_positions TO {app};

CREATE FUNCTION end_positions_in_events() RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
    AS 'REVOKE UPDATE (position) ON events FROM {app}';
REVOKE ALL ON FUNCTION end_positions_in_events() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION end_positions_in_events() TO {app};
"""

_FILL = text(
    """
    INSERT INTO event_positions (position, event_id, type)
    SELECT position, id, type FROM events
    WHERE position > (SELECT coalesce(max(position), 0) FROM event_positions)
    ORDER BY position LIMIT :limit
    ON CONFLICT DO NOTHING
    """
)


def create_event_positions(op: Any) -> None:
    """Keep positions in a slim table, so that no row of `events` is ever written twice.

    Expands only. The version before goes on numbering in `events.position`, and the sequencers of
    the new version that stand by copy what it numbers. The first of them that leads copies the
    rest and calls `end_positions_in_events`: from then on no process may update `events`, and a
    sequencer of the version before fails without effect. Its feeds answer `feed_stalled` for newer
    events, and readers ask again, until its processes have been replaced.

    `complete_event_positions` and `drop_positions_in_events` contract.
    """
    execute_script(op, _TABLE)
    _take_over(op)


def _take_over(op: Any) -> None:
    # Each batch is committed by itself. Publishing waits for none of them.
    with op.get_context().autocommit_block():
        while op.get_bind().execute(_FILL, {"limit": BATCH}).rowcount == BATCH:
            pass


_LAST_IN_EVENTS = text("SELECT max(seq) FROM events WHERE position IS NOT NULL")
_KEEP_SEQUENCERS_OUT = "LOCK TABLE event_positions IN SHARE ROW EXCLUSIVE MODE"
_COMPLETE = text(
    """
    WITH last AS (
        SELECT position, coalesce(highest, 0) AS highest, coalesce(gaps, '{}') AS gaps
        FROM event_positions ORDER BY position DESC LIMIT 1
    ), looked AS (
        SELECT position, greatest(highest, :numbered) AS highest,
               gaps + int8multirange(int8range(highest, greatest(highest, :numbered), '(]')) AS gaps
        FROM last
    )
    UPDATE event_positions AS place
    SET highest = looked.highest,
        gaps = looked.gaps - coalesce((
            SELECT range_agg(int8range(seq, seq, '[]'))
            FROM unnest(looked.gaps) AS gap JOIN events ON seq >= lower(gap) AND seq < upper(gap)
            WHERE events.position IS NOT NULL
        ), '{}')
    FROM looked WHERE place.position = looked.position
    """
)


def complete_event_positions(op: Any) -> None:
    """Let `event_positions` alone tell which events are numbered.

    Expands only. `events.position` is read and written by nobody of the version after it. The
    positions that a sequencer set there are taken over, and the last row of the table gets how far
    they go (`highest`, `gaps`): the version before tells numbered events by their own column.
    Publishing waits for nothing; a sequencer waits for the last step.
    """
    op.execute("SELECT end_positions_in_events()")
    create_index_concurrently(op, "ix_events_seq", "events", ["seq"])
    _take_over(op)
    numbered = op.get_bind().scalar(_LAST_IN_EVENTS)
    if numbered is not None:
        op.execute(_KEEP_SEQUENCERS_OUT)
        op.get_bind().execute(_COMPLETE, {"numbered": numbered})


_HAS_POSITIONS = text(
    "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'events'::regclass"
    " AND attname = 'position')"
)
_ONLY_IN_EVENTS = """
    SELECT EXISTS (
        SELECT FROM events
        WHERE position > (SELECT coalesce(max(position), 0) FROM event_positions)
    )
"""


def drop_positions_in_events(op: Any) -> None:
    """Drop the positions in `events`, once no process reads them: contracts.

    It can be run again. Raises: MigrationRefused if a position stands there alone.
    """
    if not op.get_bind().scalar(_HAS_POSITIONS):
        return
    refuse_if(
        op,
        _ONLY_IN_EVENTS,
        "events have positions that event_positions lacks: an old sequencer still runs. Stop it,"
        " and insert them there",
    )
    drop_index_concurrently(op, "ix_events_unnumbered", "events")
    drop_index_concurrently(op, "uq_events_position", "events")
    op.execute("DROP FUNCTION end_positions_in_events()")
    op.execute("ALTER TABLE events DROP COLUMN position")
