"""The version of the kit's tables in which positions of events have a table of their own."""

from typing import Any

from sqlalchemy import text

from perisai_kit.db.migrations.steps import execute_script

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

    A later migration contracts: it creates an index on `events (seq)`, takes `position IS NULL`
    out of the queries, and drops `events.position`, `ix_events_unnumbered`, `uq_events_position`
    and the function.
    """
    execute_script(op, _TABLE)
    # Each batch is committed by itself. Publishing waits for none of them.
    with op.get_context().autocommit_block():
        while op.get_bind().execute(_FILL, {"limit": BATCH}).rowcount == BATCH:
            pass
