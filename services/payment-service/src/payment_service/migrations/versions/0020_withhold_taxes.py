"""Withhold income tax from what agents and wadahs are paid, and book it.

Only adds: the version before books nothing under the new codes.
"""

from alembic import op

from perisai_kit.db.migrations.steps import execute_script

revision = "0020"
down_revision = "0019"

TABLES = """
CREATE TABLE tax_computations (
    id uuid NOT NULL,
    payout_id uuid NOT NULL,
    payee_kind varchar(40) NOT NULL,
    payee_id uuid NOT NULL,
    beneficiary_kind varchar(40) NOT NULL,
    beneficiary_id uuid NOT NULL,
    kind varchar(40) NOT NULL,
    gross bigint NOT NULL,
    base bigint NOT NULL,
    amount bigint NOT NULL,
    surcharged boolean NOT NULL,
    table_version text,
    tax_identity_id uuid,
    has_npwp boolean NOT NULL,
    nik_status varchar(40),
    computed_on date NOT NULL,
    CONSTRAINT pk_tax_computations PRIMARY KEY (id),
    CONSTRAINT uq_tax_computations_payout_id_beneficiary_id UNIQUE (payout_id, beneficiary_id),
    CONSTRAINT ck_tax_computations_payee_kind CHECK (payee_kind IN ('agent', 'wadah')),
    CONSTRAINT ck_tax_computations_beneficiary_kind CHECK (beneficiary_kind IN ('agent', 'wadah')),
    CONSTRAINT ck_tax_computations_kind CHECK (kind IN ('pph21', 'pph23', 'none')),
    CONSTRAINT ck_tax_computations_nik_status CHECK (nik_status IN ('unverified', 'valid',
        'invalid')),
    CONSTRAINT ck_tax_computations_amounts CHECK (gross > 0 AND base >= 0 AND amount BETWEEN 0 AND
        gross),
    CONSTRAINT ck_tax_computations_version CHECK ((kind = 'none') = (table_version IS NULL)),
    CONSTRAINT ck_tax_computations_untaxed CHECK (kind <> 'none' OR (base = 0 AND NOT surcharged))
);
GRANT SELECT, INSERT ON tax_computations TO {app};

CREATE TABLE tax_computation_items (
    item_id uuid NOT NULL,
    computation_id uuid NOT NULL,
    gross bigint NOT NULL,
    amount bigint NOT NULL,
    CONSTRAINT pk_tax_computation_items PRIMARY KEY (item_id),
    CONSTRAINT fk_tax_computation_items_computation_id FOREIGN KEY (computation_id) REFERENCES
        tax_computations (id),
    CONSTRAINT ck_tax_computation_items_amounts CHECK (gross > 0 AND amount BETWEEN 0 AND gross)
);
CREATE INDEX ix_tax_computation_items_computation_id ON tax_computation_items (computation_id);
GRANT SELECT, INSERT ON tax_computation_items TO {app};

CREATE TABLE withholdings (
    id uuid NOT NULL,
    computation_id uuid NOT NULL,
    payout_id uuid NOT NULL,
    payee_kind varchar(40) NOT NULL,
    payee_id uuid NOT NULL,
    beneficiary_kind varchar(40) NOT NULL,
    beneficiary_id uuid NOT NULL,
    kind varchar(40) NOT NULL,
    gross bigint NOT NULL,
    base bigint NOT NULL,
    amount bigint NOT NULL,
    surcharged boolean NOT NULL,
    table_version text,
    tax_identity_id uuid,
    has_npwp boolean NOT NULL,
    nik_status varchar(40),
    cause varchar(40) NOT NULL,
    reverses uuid,
    month varchar(7) COLLATE "C" NOT NULL,
    paid_on date NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_withholdings PRIMARY KEY (id),
    CONSTRAINT uq_withholdings_computation_id_cause UNIQUE (computation_id, cause),
    CONSTRAINT uq_withholdings_reverses UNIQUE (reverses),
    CONSTRAINT fk_withholdings_computation_id FOREIGN KEY (computation_id) REFERENCES
        tax_computations (id),
    CONSTRAINT fk_withholdings_reverses FOREIGN KEY (reverses) REFERENCES withholdings (id),
    CONSTRAINT ck_withholdings_payee_kind CHECK (payee_kind IN ('agent', 'wadah')),
    CONSTRAINT ck_withholdings_beneficiary_kind CHECK (beneficiary_kind IN ('agent', 'wadah')),
    CONSTRAINT ck_withholdings_kind CHECK (kind IN ('pph21', 'pph23', 'none')),
    CONSTRAINT ck_withholdings_nik_status CHECK (nik_status IN ('unverified', 'valid', 'invalid')),
    CONSTRAINT ck_withholdings_cause CHECK (cause IN ('paid', 'returned')),
    CONSTRAINT ck_withholdings_reverses CHECK ((cause = 'returned') = (reverses IS NOT NULL)),
    CONSTRAINT ck_withholdings_sign CHECK (sign(gross) = CASE cause WHEN 'paid' THEN 1 ELSE -1 END),
    CONSTRAINT ck_withholdings_signs CHECK (sign(base) IN (0, sign(gross)) AND sign(amount) IN (0,
        sign(gross)))
);
CREATE INDEX ix_withholdings_month_id ON withholdings (month, id);
CREATE INDEX ix_withholdings_beneficiary_id_month ON withholdings (beneficiary_id, month);
CREATE INDEX ix_withholdings_payout_id ON withholdings (payout_id);
GRANT SELECT, INSERT ON withholdings TO {app};

CREATE TABLE tax_remittances (
    id uuid NOT NULL,
    kind varchar(40) NOT NULL,
    month varchar(7) COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    reverses uuid,
    remitted_on date NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_tax_remittances PRIMARY KEY (id),
    CONSTRAINT uq_tax_remittances_reverses UNIQUE (reverses),
    CONSTRAINT fk_tax_remittances_reverses FOREIGN KEY (reverses) REFERENCES tax_remittances (id),
    CONSTRAINT ck_tax_remittances_kind CHECK (kind IN ('pph21', 'pph23', 'none')),
    CONSTRAINT ck_tax_remittances_taxed CHECK (kind <> 'none'),
    CONSTRAINT ck_tax_remittances_sign CHECK (amount <> 0 AND (amount < 0) = (reverses IS NOT NULL))
);
CREATE INDEX ix_tax_remittances_month ON tax_remittances (month);
GRANT SELECT, INSERT ON tax_remittances TO {app};
"""
CODES = (
    "contribution_received",
    "contribution_suspended",
    "suspense_received",
    "suspense_applied",
    "incentive_accrued",
    "incentive_reversed",
    "incentive_forfeited",
    "tax_withheld",
    "tax_released",
    "tax_remitted",
    "correction",
)
CAUSES = ("allocation", "statement", "payout_item", "tax_remittance")
CHECKS = {"code": CODES, "cause_kind": CAUSES}


def upgrade() -> None:
    execute_script(op, TABLES)
    for column, values in CHECKS.items():
        check = f"ck_ledger_transfers_{column}"
        listed = ", ".join(f"'{value}'" for value in values)
        op.execute(f"ALTER TABLE ledger_transfers DROP CONSTRAINT {check}")
        op.execute(
            f"ALTER TABLE ledger_transfers ADD CONSTRAINT {check}"
            f" CHECK ({column} IN ({listed})) NOT VALID"
        )
    with op.get_context().autocommit_block():
        for column in CHECKS:
            op.execute(
                f"ALTER TABLE ledger_transfers VALIDATE CONSTRAINT ck_ledger_transfers_{column}"
            )
