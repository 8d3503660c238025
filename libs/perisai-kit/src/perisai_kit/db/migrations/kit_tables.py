"""The versions of the kit's own tables, which every service has."""

from typing import Any

from perisai_kit.db.migrations.steps import execute_script

_KIT_TABLES = """
CREATE TABLE events (
    id uuid CONSTRAINT pk_events PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    type text NOT NULL,
    subject text NOT NULL,
    data jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    position bigint
);
CREATE INDEX ix_events_unnumbered ON events (seq) WHERE position IS NULL;
CREATE UNIQUE INDEX uq_events_position ON events (position) WHERE position IS NOT NULL;
GRANT SELECT, INSERT, UPDATE (position) ON events TO {app};

CREATE TABLE subscriptions (
    name text CONSTRAINT pk_subscriptions PRIMARY KEY,
    position bigint NOT NULL,
    caught_up_at timestamptz,
    updated_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON subscriptions TO {app};

CREATE TABLE parked_events (
    id uuid CONSTRAINT pk_parked_events PRIMARY KEY,
    subscription text NOT NULL,
    position bigint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    data jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    error text NOT NULL,
    attempts integer NOT NULL,
    parked_at timestamptz NOT NULL,
    replayed_at timestamptz,
    CONSTRAINT uq_parked_events_subscription_position UNIQUE (subscription, position)
);
CREATE INDEX ix_parked_events_waiting ON parked_events (subscription, subject, position)
    WHERE replayed_at IS NULL;
GRANT SELECT, INSERT, UPDATE (replayed_at) ON parked_events TO {app};

CREATE TABLE idempotency_keys (
    account_id uuid NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (account_id, key)
);
CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at);
GRANT SELECT, INSERT, DELETE ON idempotency_keys TO {app};

CREATE TABLE read_audits (
    id uuid CONSTRAINT pk_read_audits PRIMARY KEY,
    at timestamptz NOT NULL,
    account_id uuid NOT NULL,
    client_id varchar,
    request_id varchar NOT NULL,
    kind varchar NOT NULL,
    ids uuid[] NOT NULL
);
GRANT SELECT, INSERT ON read_audits TO {app};
"""


def keep_authority_with_answers(op: Any) -> None:
    """Store with each idempotent answer the rights of its reader and the data it shows.

    Older answers match no rights, so a repeat of them is refused and nothing is done twice.
    """
    op.execute("ALTER TABLE idempotency_keys ADD authority bytea NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE idempotency_keys ADD reads jsonb NOT NULL DEFAULT '[]'")
    op.execute("ALTER TABLE idempotency_keys ADD shows jsonb NOT NULL DEFAULT '{}'")


_DEFAULTS_OF_BEFORE = (
    "ALTER TABLE idempotency_keys ALTER authority DROP DEFAULT, ALTER reads DROP DEFAULT,"
    " ALTER shows DROP DEFAULT",
    "ALTER TABLE read_audits ALTER roles DROP DEFAULT",
)


def drop_defaults_of_before(op: Any) -> None:
    """Drop the values that rows of the version before got: contracts.

    The code writes these columns in each row. One that it forgets fails now instead of being empty.
    """
    with op.get_context().autocommit_block():
        for statement in _DEFAULTS_OF_BEFORE:
            op.execute(statement)


def create_kit_tables(op: Any) -> None:
    """Create the first version of the kit's tables, with the privileges of the running service.

    A service cannot change or delete events, parked events and read audits.
    """
    execute_script(op, _KIT_TABLES)


_WAITING = "replayed_at IS NULL AND dismissed_at IS NULL AND passed_over_at IS NULL"
_KIT_TABLES_2 = f"""
ALTER TABLE parked_events
    ADD COLUMN dismissed_at timestamptz,
    ADD COLUMN dismissed_by uuid,
    ADD COLUMN dismissal_reason bytea,
    ADD COLUMN passed_over_at timestamptz;
GRANT UPDATE (error, attempts, dismissed_at, dismissed_by, dismissal_reason, passed_over_at)
    ON parked_events TO {{app}};
CREATE INDEX ix_parked_events_subject ON parked_events (subscription, subject, position)
    WHERE {_WAITING};
CREATE INDEX ix_parked_events_waiting_id ON parked_events (id) WHERE {_WAITING};
DROP INDEX ix_parked_events_waiting;

CREATE TABLE periodic_leases (
    name text CONSTRAINT pk_periodic_leases PRIMARY KEY,
    fence bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT uq_periodic_leases_name_fence UNIQUE (name, fence)
);
GRANT SELECT, INSERT, UPDATE ON periodic_leases TO {{app}};
"""


def create_kit_tables_2(op: Any) -> None:
    """Let parked events be dismissed and passed over; lease periodic work."""
    execute_script(op, _KIT_TABLES_2)
