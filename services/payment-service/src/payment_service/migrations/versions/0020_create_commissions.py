"""Commission schemes, what is known of payments, agents and wadahs, and the lines they earn."""

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
    _create_answers()
    _create_agents()
    _create_counting()
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


def _create_answers() -> None:
    op.create_table(
        "coverage_answers",
        sa.Column("payment_id", sa.Uuid, nullable=False),
        sa.Column("bill_id", sa.Uuid, nullable=False),
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("answer_no", sa.BigInteger, nullable=False),
        sa.Column("counts_at", INSTANT, nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("reason_code", sa.Text),
        sa.Column("months", JSONB, nullable=False),
        sa.Column("withdrawn", JSONB, nullable=False),
        sa.Column("first_month", MONTH),
        sa.Column("agent_id", sa.Uuid),
        sa.Column("wadah_id", sa.Uuid),
        sa.Column("branch_code", sa.Text),
        sa.Column("region_code", sa.Text),
        sa.Column("is_acquisition", sa.Boolean, nullable=False),
        sa.CheckConstraint(
            "outcome IN ('extended', 'withdrawn', 'declined')", name="ck_coverage_answers_outcome"
        ),
        sa.CheckConstraint(
            "(outcome = 'declined') = (reason_code IS NOT NULL)",
            name="ck_coverage_answers_reason_code",
        ),
        sa.CheckConstraint(
            "outcome = 'declined' OR num_nulls(first_month, branch_code, region_code) = 0",
            name="ck_coverage_answers_registration",
        ),
        sa.PrimaryKeyConstraint("payment_id", name="pk_coverage_answers"),
    )
    op.create_index("uq_coverage_answers_bill_id", "coverage_answers", ["bill_id"], unique=True)
    op.create_index(
        "ix_coverage_answers_agent_id_counts_at", "coverage_answers", ["agent_id", "counts_at"]
    )
    op.create_index(
        "ix_coverage_answers_declined",
        "coverage_answers",
        ["payment_id"],
        postgresql_where=sa.text("outcome = 'declined'"),
    )
    # An answer is told again with a higher number; of which payment, bill and member it is stays.
    grant(
        op,
        "coverage_answers",
        "SELECT, INSERT, UPDATE (answer_no, counts_at, outcome, reason_code, months, withdrawn,"
        " first_month, agent_id, wadah_id, branch_code, region_code, is_acquisition)",
    )


def _create_agents() -> None:
    op.create_table(
        "agent_decisions",
        sa.Column("agent_id", sa.Uuid, nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("is_at_work", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("agent_id", "decided_at", "is_at_work", name="pk_agent_decisions"),
    )
    op.create_table(
        "wadah_agreements",
        sa.Column("agreement_id", sa.Uuid, nullable=False),
        sa.Column("wadah_id", sa.Uuid, nullable=False),
        sa.Column("starts_on", sa.Date, nullable=False),
        sa.Column("ends_on", sa.Date, nullable=False),
        sa.CheckConstraint("starts_on <= ends_on", name="ck_wadah_agreements_days"),
        sa.PrimaryKeyConstraint("agreement_id", name="pk_wadah_agreements"),
    )
    op.create_index("ix_wadah_agreements_wadah_id", "wadah_agreements", ["wadah_id"])
    op.create_table(
        "wadah_terminations",
        sa.Column("wadah_id", sa.Uuid, nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("wadah_id", name="pk_wadah_terminations"),
    )
    for table in ("agent_decisions", "wadah_agreements", "wadah_terminations"):
        grant(op, table, "SELECT, INSERT")


def _create_counting() -> None:
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
        "commission_beneficiaries",
        sa.Column("beneficiary_id", sa.Uuid, nullable=False),
        sa.Column("beneficiary_kind", sa.String(40), nullable=False),
        sa.Column("wadah_id", sa.Uuid, nullable=False),
        sa.Column("branch_code", sa.Text, nullable=False),
        sa.Column("region_code", sa.Text, nullable=False),
        sa.Column("is_from_agent_service", sa.Boolean, nullable=False),
        sa.Column("known_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "beneficiary_kind IN ('agent', 'wadah')",
            name="ck_commission_beneficiaries_beneficiary_kind",
        ),
        sa.PrimaryKeyConstraint("beneficiary_id", name="pk_commission_beneficiaries"),
    )
    grant(
        op,
        "commission_beneficiaries",
        "SELECT, INSERT, UPDATE (wadah_id, branch_code, region_code, is_from_agent_service,"
        " known_at)",
    )
    op.create_table(
        "commission_waits",
        sa.Column("payment_id", sa.Uuid, nullable=False),
        sa.Column("counts_at", INSTANT, nullable=False),
        sa.Column("is_answered", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("payment_id", name="pk_commission_waits"),
    )
    op.create_index(
        "ix_commission_waits_answered",
        "commission_waits",
        ["counts_at"],
        postgresql_where=sa.text("is_answered"),
    )
    # No record: a payment waits no more when its commission is computed.
    grant(op, "commission_waits", "SELECT, INSERT, UPDATE (counts_at, is_answered), DELETE")
    op.create_table(
        "commission_acquisitions",
        sa.Column("payment_id", sa.Uuid, nullable=False),
        sa.Column("agent_id", sa.Uuid),
        sa.Column("month", MONTH, nullable=False),
        sa.Column("counts_at", INSTANT, nullable=False),
        sa.Column("is_self_paid", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("payment_id", name="pk_commission_acquisitions"),
    )
    op.create_index(
        "ix_commission_acquisitions_agent_id_month",
        "commission_acquisitions",
        ["agent_id", "month", "counts_at", "payment_id"],
        postgresql_where=sa.text("agent_id IS NOT NULL"),
    )
    grant(
        op,
        "commission_acquisitions",
        "SELECT, INSERT, UPDATE (agent_id, month, counts_at, is_self_paid)",
    )


def _create_lines() -> None:
    op.create_table(
        "commission_lines",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("earned_month", MONTH, nullable=False),
        sa.Column("booked_month", MONTH, nullable=False),
        sa.Column("beneficiary_kind", sa.String(40), nullable=False),
        sa.Column("beneficiary_id", sa.Uuid, nullable=False),
        sa.Column("agent_id", sa.Uuid, nullable=False),
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("payment_id", sa.Uuid, nullable=False),
        sa.Column("scheme_id", sa.Uuid, nullable=False),
        sa.Column("cause", sa.String(40), nullable=False),
        sa.Column("rule", sa.String(40), nullable=False),
        sa.Column("contribution_month", MONTH),
        sa.Column("programme", sa.Text),
        sa.Column("month_index", sa.BigInteger),
        sa.Column("base", sa.BigInteger, nullable=False),
        sa.Column("rate_bps", sa.BigInteger, nullable=False),
        sa.Column("parts", sa.BigInteger, nullable=False),
        sa.Column("entry_no", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String(40)),
        sa.Column("recorded_at", INSTANT, nullable=False),
        *_line_checks(),
        sa.PrimaryKeyConstraint("id", name="pk_commission_lines"),
    )
    op.create_index(
        "uq_commission_lines_entry",
        "commission_lines",
        [
            "payment_id",
            "cause",
            "contribution_month",
            "programme",
            "rule",
            "beneficiary_kind",
            "entry_no",
        ],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        "ix_commission_lines_beneficiary_id_booked_month",
        "commission_lines",
        ["beneficiary_id", "booked_month", "id"],
    )
    op.create_index(
        "ix_commission_lines_booked_month",
        "commission_lines",
        ["booked_month"],
        postgresql_using="brin",
    )
    grant(op, "commission_lines", "SELECT, INSERT")


def _line_checks() -> list[sa.CheckConstraint]:
    checks = {
        "cause": "cause IN ('contribution', 'acquisition', 'month_target')",
        "rule": "rule IN ('contribution', 'acquisition', 'override')",
        "beneficiary_kind": "beneficiary_kind IN ('agent', 'wadah')",
        "reason": (
            "reason IN ('payment_declined', 'month_withdrawn', 'attribution_changed',"
            " 'agent_not_at_work', 'no_acquisition', 'threshold_missed', 'recomputed')"
        ),
        "parts": "base <> 0 AND rate_bps > 0 AND parts = base * rate_bps",
        "entry_no": "entry_no > 0 AND (entry_no % 2 = 0) = (base < 0)",
        "opposite": "(base < 0) = (reason IS NOT NULL)",
        "booked_month": "booked_month >= earned_month",
        "contribution": (
            "num_nulls(contribution_month, programme, month_index)"
            " = CASE WHEN cause = 'contribution' THEN 0 ELSE 3 END"
        ),
    }
    return [
        sa.CheckConstraint(text, name=f"ck_commission_lines_{name}")
        for name, text in checks.items()
    ]
