from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.payees.rules import PayeeKind
from perisai_kit.db.columns import choice


class PayeeAccount(Base):
    """That an agent or wadah has a verified bank account, from a day on. Insert only.

    Number and holder stay with agent-service, which is asked when money is paid out.
    """

    __tablename__ = "payee_accounts"
    __table_args__ = (Index(None, "holder_id"),)

    bank_account_id: Mapped[UUID] = mapped_column(primary_key=True)
    holder_kind: Mapped[PayeeKind] = mapped_column(choice(PayeeKind, "holder_kind"))
    holder_id: Mapped[UUID]
    payouts_frozen_until: Mapped[datetime | None]
    decided_at: Mapped[datetime]
