"""Commission schemes, what is known of attributions and payments, and the lines they earn."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from perisai_kit.db.migrations import grant

revision = "0020"
down_revision = "0011"

MONTH = sa.String(7, collation="C")
INSTANT = sa.DateTime(timezone=True)

SCHEMES: tuple[dict[str, Any], ...] = (
    {
        "id": "00000000-0000-7000-8000-000000201701",
        "name": "Perisai 2017",
        "first_month": "2017-01",
        "source": (
            "Press of 2017 and 2018 (docs/domain.md: S1, S19, S20, S32, S33) and the comparison in "
            "the New Perisai slide deck of April 2022 (S7). Whether sponsored contributions earn "
            "anything was not found: our default."
        ),
        "terms": {
            "tiers": [{"first_index": 1, "last_index": None, "rate_bps": 750}],
            "acquisition_by_programmes": [],
            "acquisition_fixed": 500_000,
            "threshold": 50,
            "agent_share_bps": 9_000,
            "wadah_share_bps": 1_000,
            "override_bps": 0,
            "sponsored": True,
        },
    },
    {
        "id": "00000000-0000-7000-8000-000000202204",
        "name": "New Perisai 2022",
        "first_month": "2022-04",
        "source": (
            "Perdir 13/PERDIR.02/042022 as quoted by a handbook of 2022 (docs/domain.md: S10), the "
            "New Perisai slide deck of April 2022 (S7) and a Kantor Perisai (S21). No newer rates "
            "were found. Whether sponsored contributions earn anything was not found: our default."
        ),
        "terms": {
            "tiers": [
                {"first_index": 1, "last_index": 24, "rate_bps": 1_500},
                {"first_index": 25, "last_index": 60, "rate_bps": 500},
            ],
            "acquisition_by_programmes": [
                {"programmes": 3, "amount": 15_000},
                {"programmes": 2, "amount": 10_000},
            ],
            "acquisition_fixed": 0,
            "threshold": 25,
            "agent_share_bps": 10_000,
            "wadah_share_bps": 0,
            "override_bps": 1_000,
            "sponsored": True,
        },
    },
)


def upgrade() -> None:
    _create_schemes()
    _create_what_is_known()
    _create_payments()
    _create_lines()


def _create_schemes() -> None:
    op.create_table(
        "commission_schemes",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("first_month", MONTH, nullable=False),
        sa.Column("terms", JSONB, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("proposed_by", sa.Uuid),
        sa.Column("proposed_at", INSTANT, nullable=False),
        sa.Column("decided_by", sa.Uuid),
        sa.Column("decided_at", INSTANT),
        sa.CheckConstraint(
            "status IN ('proposed', 'approved', 'rejected')", name="ck_commission_schemes_status"
        ),
        sa.CheckConstraint(
            "(status = 'proposed') = (decided_at IS NULL)", name="ck_commission_schemes_decided_at"
        ),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> proposed_by",
            name="ck_commission_schemes_four_eyes",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_commission_schemes"),
    )
    op.create_index(
        "uq_commission_schemes_approved",
        "commission_schemes",
        ["first_month"],
        unique=True,
        postgresql_where=sa.text("status = 'approved'"),
    )
    # What was proposed is never edited; a decision is added to it.
    grant(op, "commission_schemes", "SELECT, INSERT, UPDATE (status, decided_by, decided_at)")
    for scheme in SCHEMES:
        op.execute(
            sa.text(
                "INSERT INTO commission_schemes"
                " (id, name, first_month, terms, source, status, proposed_at, decided_at)"
                " VALUES (CAST(:id AS uuid), :name, :first_month, CAST(:terms AS jsonb), :source,"
                " 'approved', now(), now())"
            ).bindparams(**{**scheme, "terms": json.dumps(scheme["terms"])})
        )


def _create_what_is_known() -> None:
    op.create_table(
        "commission_watermark",
        sa.Column("id", sa.SmallInteger, nullable=False),
        sa.Column("closed_through", MONTH),
        sa.Column("counted_through", MONTH),
        sa.CheckConstraint("id = 1", name="ck_commission_watermark_one_row"),
        sa.PrimaryKeyConstraint("id", name="pk_commission_watermark"),
    )
    op.execute("INSERT INTO commission_watermark (id) VALUES (1)")
    grant(op, "commission_watermark", "SELECT, UPDATE")
    op.create_table(
        "commission_attributions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("agent_id", sa.Uuid, nullable=False),
        sa.Column("wadah_id", sa.Uuid, nullable=False),
        sa.Column("from_month", MONTH, nullable=False),
        sa.Column("counted_from", MONTH, nullable=False),
        sa.Column("new_to_bpu", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_commission_attributions"),
    )
    op.create_index(
        "ix_commission_attributions_member_id", "commission_attributions", ["member_id"]
    )
    grant(op, "commission_attributions", "SELECT, INSERT")
    op.create_table(
        "commission_beneficiaries",
        sa.Column("beneficiary_id", sa.Uuid, nullable=False),
        sa.Column("beneficiary_kind", sa.String(40), nullable=False),
        sa.Column("wadah_id", sa.Uuid, nullable=False),
        sa.Column("branch_code", sa.Text, nullable=False),
        sa.Column("region_code", sa.Text, nullable=False),
        sa.CheckConstraint(
            "beneficiary_kind IN ('agent', 'wadah')",
            name="ck_commission_beneficiaries_beneficiary_kind",
        ),
        sa.PrimaryKeyConstraint("beneficiary_id", name="pk_commission_beneficiaries"),
    )
    grant(
        op,
        "commission_beneficiaries",
        "SELECT, INSERT, UPDATE (wadah_id, branch_code, region_code)",
    )


def _create_payments() -> None:
    op.create_table(
        "commission_payments",
        sa.Column("payment_id", sa.Uuid, nullable=False),
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("attribution_id", sa.Uuid),
        sa.Column("agent_id", sa.Uuid),
        sa.Column("payer", sa.Text, nullable=False),
        sa.Column("earned_month", MONTH, nullable=False),
        sa.Column("is_first", sa.Boolean, nullable=False),
        sa.Column("lines", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("payment_id", name="pk_commission_payments"),
    )
    op.create_index(
        "ix_commission_payments_agent_id_earned_month",
        "commission_payments",
        ["agent_id", "earned_month"],
    )
    op.create_index(
        "uq_commission_payments_first",
        "commission_payments",
        ["member_id"],
        unique=True,
        postgresql_where=sa.text("is_first"),
    )
    grant(op, "commission_payments", "SELECT, INSERT")
    op.create_table(
        "commission_waits",
        sa.Column("payment_id", sa.Uuid, nullable=False),
        sa.Column("attribution_id", sa.Uuid, nullable=False),
        sa.Column("agent_id", sa.Uuid, nullable=False),
        sa.Column("earned_month", MONTH, nullable=False),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.ForeignKeyConstraint(
            ["payment_id"],
            ["commission_payments.payment_id"],
            name="fk_commission_waits_payment_id",
        ),
        sa.PrimaryKeyConstraint("payment_id", name="pk_commission_waits"),
    )
    op.create_index(
        "ix_commission_waits_waiting",
        "commission_waits",
        ["attribution_id"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    grant(op, "commission_waits", "SELECT, INSERT, UPDATE (ended_at)")
    op.create_table(
        "commission_acquisitions",
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("payment_id", sa.Uuid, nullable=False),
        sa.Column("agent_id", sa.Uuid, nullable=False),
        sa.Column("earned_month", MONTH, nullable=False),
        sa.Column("payer", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"],
            ["commission_payments.payment_id"],
            name="fk_commission_acquisitions_payment_id",
        ),
        sa.PrimaryKeyConstraint("member_id", name="pk_commission_acquisitions"),
    )
    op.create_index(
        "ix_commission_acquisitions_agent_id_earned_month",
        "commission_acquisitions",
        ["agent_id", "earned_month"],
    )
    grant(op, "commission_acquisitions", "SELECT, INSERT")


def _create_lines() -> None:
    op.create_table(
        "commission_lines",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("earned_month", MONTH, nullable=False),
        sa.Column("beneficiary_kind", sa.String(40), nullable=False),
        sa.Column("beneficiary_id", sa.Uuid, nullable=False),
        sa.Column("agent_id", sa.Uuid, nullable=False),
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("payment_id", sa.Uuid, nullable=False),
        sa.Column("attribution_id", sa.Uuid, nullable=False),
        sa.Column("scheme_id", sa.Uuid, nullable=False),
        sa.Column("rule", sa.String(40), nullable=False),
        sa.Column("contribution_month", MONTH),
        sa.Column("programme", sa.Text),
        sa.Column("month_index", sa.BigInteger),
        sa.Column("base", sa.BigInteger, nullable=False),
        sa.Column("rate_bps", sa.BigInteger, nullable=False),
        sa.Column("parts", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "rule IN ('contribution', 'acquisition', 'override')", name="ck_commission_lines_rule"
        ),
        sa.CheckConstraint(
            "beneficiary_kind IN ('agent', 'wadah')", name="ck_commission_lines_beneficiary_kind"
        ),
        sa.CheckConstraint(
            "base > 0 AND rate_bps > 0 AND parts = base * rate_bps",
            name="ck_commission_lines_parts",
        ),
        sa.CheckConstraint(
            "num_nulls(contribution_month, programme, month_index) IN (0, 3)",
            name="ck_commission_lines_contribution",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_commission_lines"),
        sa.UniqueConstraint("key", name="uq_commission_lines_key"),
    )
    op.create_index(
        "ix_commission_lines_beneficiary_id_earned_month",
        "commission_lines",
        ["beneficiary_id", "earned_month", "id"],
    )
    op.create_index(
        "ix_commission_lines_earned_month",
        "commission_lines",
        ["earned_month"],
        postgresql_using="brin",
    )
    grant(op, "commission_lines", "SELECT, INSERT")
