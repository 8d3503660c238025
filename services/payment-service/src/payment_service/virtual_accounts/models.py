from uuid import UUID

from sqlalchemy import ForeignKey, Index, Sequence
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from perisai_kit.privacy.columns import sealed_text

SERIALS = Sequence("virtual_account_serials", metadata=Base.metadata, start=1)
"""One serial number an order; every bank's customer number of that order is made from it."""


class VirtualAccount(Base):
    """Where an order can be paid: its number at one bank, never used again.

    shown_name: what the bank is shown of the customer, in its characters and length; it alone may
    change, when the name is corrected.
    """

    __tablename__ = "virtual_accounts"
    __table_args__ = (Index("ix_virtual_accounts_order_id", "order_id"),)

    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_no: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    partner_name: Mapped[str]
    company_code: Mapped[str]
    number: Mapped[str]
    shown_name = sealed_text()
