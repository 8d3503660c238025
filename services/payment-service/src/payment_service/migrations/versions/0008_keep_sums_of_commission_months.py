"""Keep what the lines of each month add up to, so that a list of months need not read the lines.

Only adds a table, so it runs beside the version before. The lines which that version books are
newer than `through_id`: they are added up when read, and stored by the next computation.
The lines of today are added up here. The counting of commissions waits for it; nothing else does.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0008"
down_revision = "0007"

TABLE = """
CREATE TABLE commission_month_sums (
    month varchar(7) COLLATE "C" NOT NULL,
    line_count bigint NOT NULL,
    agent_parts bigint NOT NULL,
    wadah_parts bigint NOT NULL,
    through_id bigint NOT NULL,
    CONSTRAINT pk_commission_month_sums PRIMARY KEY (month)
);
GRANT SELECT, INSERT, UPDATE ON commission_month_sums TO {app};
SELECT FROM commission_watermark FOR UPDATE;
INSERT INTO commission_month_sums (month, line_count, agent_parts, wadah_parts, through_id)
SELECT booked_month, count(*),
       coalesce(sum(parts) FILTER (WHERE beneficiary_kind = 'agent'), 0),
       coalesce(sum(parts) FILTER (WHERE beneficiary_kind = 'wadah'), 0), max(id)
FROM commission_lines GROUP BY booked_month;
"""


def upgrade() -> None:
    execute_script(op, TABLE)
