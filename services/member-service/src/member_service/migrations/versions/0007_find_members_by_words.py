"""Find members by words of their name and last digits of their numbers.

Only adds. Members of before, and those whom the version before enrols or corrects, have a
`words_version` that is not their `version`; the periodic task `listings.index_words` finds them by
the index and writes their words. A later migration drops nothing of this: the same task writes all
words anew when the look-up key is replaced.
"""

import sqlalchemy as sa
from alembic import op

from perisai_kit.db.migrations.steps import create_index_concurrently, execute_script

revision = "0007"
down_revision = "0006"

TABLE = """
CREATE TABLE search_words (
    member_id uuid NOT NULL,
    words bigint[] NOT NULL,
    CONSTRAINT pk_search_words PRIMARY KEY (member_id),
    CONSTRAINT fk_search_words_member_id FOREIGN KEY (member_id) REFERENCES members (id)
);
CREATE INDEX ix_search_words_words ON search_words USING gin (words);
GRANT SELECT, INSERT, UPDATE, DELETE ON search_words TO {app};

ALTER TABLE members ADD COLUMN words_version integer;
"""


def upgrade() -> None:
    execute_script(op, TABLE)
    stale = sa.text("words_version IS DISTINCT FROM version")
    create_index_concurrently(op, "ix_members_to_index", "members", ["id"], postgresql_where=stale)
