from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.base import Base
from payment_service.counting.rules import BeneficiaryKind
from perisai_kit.db.columns import choice
from perisai_kit.domain.month import Month


class Watermark(Base):
    """One row: how far months are closed and counted. Whoever counts or closes locks it first.

    counted_through: the latest month any payment was counted in.
    """

    __tablename__ = "commission_watermark"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    closed_through: Mapped[Month | None]
    counted_through: Mapped[Month | None]


class KnownAttribution(Base):
    """An attribution as member-service's feed tells. Insert only.

    counted_from: the earliest month of any attribution of this member up to this one.
    """

    __tablename__ = "commission_attributions"
    __table_args__ = (Index(None, "member_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID]
    agent_id: Mapped[UUID]
    wadah_id: Mapped[UUID]
    from_month: Mapped[Month]
    counted_from: Mapped[Month]
    new_to_bpu: Mapped[bool]


class Beneficiary(Base):
    """Who earns, and where he belongs by his latest attribution."""

    __tablename__ = "commission_beneficiaries"
    __table_args__ = ()

    beneficiary_id: Mapped[UUID] = mapped_column(primary_key=True)
    beneficiary_kind: Mapped[BeneficiaryKind] = mapped_column(
        choice(BeneficiaryKind, "beneficiary_kind")
    )
    wadah_id: Mapped[UUID]
    branch_code: Mapped[str]
    region_code: Mapped[str]


class CountedPayment(Base):
    """A settled payment and the month it counts in, with or without an agent. Insert only.

    is_first: the member's first one ever. lines: (month, programme, amount in rupiah).
    """

    __tablename__ = "commission_payments"
    __table_args__ = (
        Index("ix_commission_payments_agent_id_earned_month", "agent_id", "earned_month"),
        Index(
            "uq_commission_payments_first", "member_id", unique=True, postgresql_where="is_first"
        ),
    )

    payment_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID]
    attribution_id: Mapped[UUID | None]
    agent_id: Mapped[UUID | None]
    payer: Mapped[str]
    earned_month: Mapped[Month]
    is_first: Mapped[bool]
    lines: Mapped[list[Any]] = mapped_column(JSONB)


class Wait(Base):
    """A payment whose attribution has not arrived. Only the end is ever added."""

    __tablename__ = "commission_waits"
    __table_args__ = (
        Index(
            "ix_commission_waits_waiting",
            "attribution_id",
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    payment_id: Mapped[UUID] = mapped_column(
        ForeignKey("commission_payments.payment_id"), primary_key=True
    )
    attribution_id: Mapped[UUID]
    agent_id: Mapped[UUID]
    earned_month: Mapped[Month]
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Acquisition(Base):
    """A member who is new to BPU and has paid for the first time: once ever. Insert only."""

    __tablename__ = "commission_acquisitions"
    __table_args__ = (
        Index("ix_commission_acquisitions_agent_id_earned_month", "agent_id", "earned_month"),
    )

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("commission_payments.payment_id"))
    agent_id: Mapped[UUID]
    earned_month: Mapped[Month]
    payer: Mapped[str]
