import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from agent_service.bank_accounts.rules import BankAccountStatus, NameMatch
from agent_service.base import Base
from agent_service.holders.rules import HolderKind
from perisai_kit.db.columns import choice
from perisai_kit.privacy.columns import sealed_text


class BankAccount(Base):
    """A bank account of an agent or wadah. A change is a further row; the account never changes.

    account_hash: keyed, of bank and number, to find others with the same account. name_match: the
    bank's latest answer, of `verified_at`. is_first: from the application of an agent, whose
    officers decided. decided_by: null where the history of the agent does not tell.
    """

    __tablename__ = "bank_accounts"
    __table_args__ = (
        CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("status = 'rejected' OR decided_by <> proposed_by", name="four_eyes"),
        CheckConstraint(
            "status NOT IN ('current', 'replaced') OR name_match = 'match'", name="verified"
        ),
        CheckConstraint("(name_match IS NULL) = (verified_at IS NULL)", name="verified_at"),
        CheckConstraint(
            "payouts_frozen_until IS NULL OR payouts_frozen_until >= decided_at", name="frozen"
        ),
        Index(
            "uq_bank_accounts_current",
            "holder_id",
            unique=True,
            postgresql_where=text("status = 'current'"),
        ),
        Index(
            "uq_bank_accounts_open",
            "holder_id",
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        Index(
            "uq_bank_accounts_first", "holder_id", unique=True, postgresql_where=text("is_first")
        ),
        Index(None, "holder_id", "id"),
        Index(None, "account_hash"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    holder_kind: Mapped[HolderKind] = mapped_column(choice(HolderKind, "holder_kind"))
    holder_id: Mapped[uuid.UUID]
    bank_code: Mapped[str]
    account_no = sealed_text()
    holder_name = sealed_text()
    account_hash: Mapped[bytes] = mapped_column(LargeBinary)
    is_first: Mapped[bool]

    name_match: Mapped[NameMatch | None] = mapped_column(choice(NameMatch, "name_match"))
    verified_at: Mapped[datetime | None]
    inquiry_count: Mapped[int] = mapped_column(default=0)

    status: Mapped[BankAccountStatus] = mapped_column(choice(BankAccountStatus, "status"))
    proposed_by: Mapped[uuid.UUID]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[uuid.UUID | None]
    decided_at: Mapped[datetime | None]
    payouts_frozen_until: Mapped[datetime | None]
