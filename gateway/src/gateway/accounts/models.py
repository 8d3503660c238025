import uuid
from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    Index,
    LargeBinary,
    Text,
    bindparam,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, column_property, mapped_column

from gateway.accounts.rules import AccountKind
from gateway.base import Base
from perisai_kit.domain import clock
from perisai_kit.privacy.columns import sealed_text


class AgentWadahMove(Base):
    """A move of an agent to another wadah from a day on. is_cancelled: it does not take place."""

    __tablename__ = "agent_wadah_moves"
    __table_args__ = (
        Index(
            "ix_agent_wadah_moves_standing",
            "agent_id",
            "from_date",
            postgresql_where=text("NOT is_cancelled"),
        ),
    )

    move_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[uuid.UUID]
    from_wadah_id: Mapped[uuid.UUID]
    wadah_id: Mapped[uuid.UUID]
    from_date: Mapped[date]
    is_cancelled: Mapped[bool]


_TODAY = bindparam("today", callable_=clock.today, type_=Date(), unique=True)


class Account(Base):
    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("kind IN ('staff', 'person')", name="kind"),
        CheckConstraint(
            "kind <> 'staff' OR (username IS NOT NULL AND password_hash IS NOT NULL)", name="staff"
        ),
        CheckConstraint(
            "kind <> 'person' OR (phone IS NOT NULL AND phone_hash IS NOT NULL)", name="person"
        ),
        CheckConstraint(
            "(scope_kind IS NULL AND scope_code IS NULL AND scope_region IS NULL)"
            " OR (scope_kind = 'country' AND scope_code IS NULL AND scope_region IS NULL)"
            " OR (scope_kind = 'region' AND scope_code IS NOT NULL AND scope_region IS NULL)"
            " OR (scope_kind = 'branch' AND scope_code IS NOT NULL AND scope_region IS NOT NULL)"
            " OR (scope_kind = 'bank_partner' AND scope_code IS NOT NULL AND scope_region IS NULL)",
            name="scope",
        ),
        CheckConstraint(
            "CASE WHEN 'bank_engineer' = ANY (roles) THEN roles = '{bank_engineer}'"
            " AND scope_kind IS NOT DISTINCT FROM 'bank_partner' AND wadah_id IS NULL"
            " ELSE scope_kind IS DISTINCT FROM 'bank_partner' END",
            name="bank_engineer",
        ),
        CheckConstraint(
            "NOT 'admin' = ANY (roles) OR scope_kind IS NOT DISTINCT FROM 'country'", name="admin"
        ),
        Index(
            "uq_accounts_username",
            "username",
            unique=True,
            postgresql_where=text("username IS NOT NULL"),
        ),
        Index(
            "uq_accounts_member_id",
            "member_id",
            unique=True,
            postgresql_where=text("member_id IS NOT NULL"),
        ),
        # One empty account for each number; several members and agents may share a number.
        Index(
            "uq_accounts_phone_hash_empty",
            "phone_hash",
            unique=True,
            postgresql_where=text("kind = 'person' AND member_id IS NULL AND was_agent_at IS NULL"),
        ),
        Index("ix_accounts_phone_hash", "phone_hash"),
        Index("ix_accounts_agent_id", "agent_id", postgresql_where=text("agent_id IS NOT NULL")),
        Index("ix_accounts_roles", "roles", postgresql_using="gin"),
        Index("ix_accounts_tokens_valid_from", "tokens_valid_from"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[AccountKind] = mapped_column(Text)
    username: Mapped[str | None] = mapped_column(Text)
    password_hash: Mapped[str | None] = mapped_column(Text)
    totp_secret = sealed_text(nullable=True)
    totp_confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    phone = sealed_text(nullable=True)
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Since when the member has another number, until a sign-in with that one. It does not matter
    for an account that ever was an agent's: the number is the agent's own."""
    email = sealed_text(nullable=True)
    """Of staff: where notices go. Nobody signs in with it."""
    display_label = sealed_text()
    member_id: Mapped[uuid.UUID | None]
    agent_id: Mapped[uuid.UUID | None] = mapped_column()
    wadah_id: Mapped[uuid.UUID | None]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    scope_kind: Mapped[str | None] = mapped_column(Text)
    scope_code: Mapped[str | None] = mapped_column(Text)
    scope_region: Mapped[str | None] = mapped_column(Text)
    was_agent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it first had the role of an agent. Such an account never moves to another number."""
    first_signed_in_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    locked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    locked_by: Mapped[uuid.UUID | None]
    sessions_valid_from: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Sessions begun before this instant are over."""
    tokens_valid_from: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Access tokens issued before this instant are refused everywhere."""
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    moved_to: Mapped[uuid.UUID | None] = column_property(
        select(AgentWadahMove.wadah_id)
        .where(
            AgentWadahMove.agent_id == agent_id,
            ~AgentWadahMove.is_cancelled,
            AgentWadahMove.from_date <= _TODAY,
        )
        .order_by(AgentWadahMove.from_date.desc())
        .limit(1)
        .correlate_except(AgentWadahMove)
        .scalar_subquery(),
        expire_on_flush=False,
    )
    """The wadah that the agent has moved to by today; None: the agent never moved."""
    moves_on: Mapped[date | None] = column_property(
        select(func.min(AgentWadahMove.from_date))
        .where(
            AgentWadahMove.agent_id == agent_id,
            ~AgentWadahMove.is_cancelled,
            AgentWadahMove.from_date > _TODAY,
        )
        .correlate_except(AgentWadahMove)
        .scalar_subquery(),
        expire_on_flush=False,
    )
    """The first day of the agent's planned move to another wadah."""

    @property
    def present_wadah_id(self) -> uuid.UUID | None:
        """The wadah of today: of the role, or where the agent has moved since."""
        if self.agent_id is None:
            return self.wadah_id
        return self.moved_to or self.wadah_id
