"""Put banks' messages, external ids, commission lines and the kit's tables in partitions.

Expanded: the tables have the names, columns and rights of before, so the version before goes on
running beside them. It deletes external ids and idempotency keys row by row, which a trigger allows
for old ones only. A later migration takes away these two rights with the trigger `keep_rows`, the
indexes `ix_snap_external_ids_day` and `ix_idempotency_keys_created_at`.
"""

from alembic import op

from payment_service.partitions import CALLBACKS, COMMISSION_LINES, EXTERNAL_IDS
from perisai_kit.db.partitions.convert import NewKey, convert_kit_tables, convert_table

revision = "0005"
down_revision = "0004"

ENTRY = (
    "allocation_id, cause, contribution_month, programme, rule, beneficiary_kind, entry_no,"
    " earned_month"
)


def upgrade() -> None:
    convert_kit_tables(op)
    convert_table(
        op,
        CALLBACKS,
        indexes=(
            "ALTER TABLE callbacks ADD CONSTRAINT pk_callbacks PRIMARY KEY (id)",
            "CREATE INDEX ix_callbacks_partner_id_id ON callbacks (partner_id, id)",
            "CREATE INDEX ix_callbacks_refused ON callbacks (partner_id, request_id, content_hash)"
            " WHERE verdict = 'refused' AND content_hash IS NOT NULL",
        ),
        rights="SELECT, INSERT",
    )
    convert_table(
        op,
        EXTERNAL_IDS,
        indexes=(
            "ALTER TABLE snap_external_ids ADD CONSTRAINT pk_snap_external_ids"
            " PRIMARY KEY (partner_id, scope, day, external_id)",
            "CREATE INDEX ix_snap_external_ids_day ON snap_external_ids (day)",
        ),
        rights="SELECT, INSERT, DELETE",
        undeletable="OLD.day >= current_date - 3",
    )
    convert_table(
        op,
        COMMISSION_LINES,
        indexes=(
            "ALTER TABLE commission_lines ADD CONSTRAINT pk_commission_lines"
            " PRIMARY KEY (id, earned_month)",
            "CREATE INDEX ix_commission_lines_beneficiary_id_booked_month ON commission_lines"
            " (beneficiary_id, booked_month, id)",
            "CREATE INDEX ix_commission_lines_booked_month ON commission_lines"
            " USING brin (booked_month)",
            f"CREATE UNIQUE INDEX uq_commission_lines_entry ON commission_lines ({ENTRY})"
            " NULLS NOT DISTINCT",
        ),
        rights="SELECT, INSERT",
        new_keys=(
            NewKey("pk_commission_lines", "id, earned_month"),
            NewKey(
                "uq_commission_lines_entry", ENTRY, is_primary=False, options="NULLS NOT DISTINCT"
            ),
        ),
        identity="id",
    )
