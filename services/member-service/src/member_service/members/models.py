import uuid
from datetime import date, datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from member_service.attribution_periods.models import AttributionPeriodRow
from member_service.base import Base, MonthText
from member_service.members.rules import NewToBpuBasis, RegistrationState, Sex
from member_service.registrations.rules import UNPAID_MONTHS, EndReason
from member_service.search_words.service import Named
from perisai_kit.db.columns import choice
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month, list_months
from perisai_kit.domain.programmes import Payer, Programme
from perisai_kit.privacy.columns import sealed_text


class Member(Base):
    """An enrolled worker.

    paid_through, first_unpaid, ends_on and end_reason copy the last registration, all or none.
    unpaid_months, as `2026-04 2026-05 2026-06`, belongs to them. The agent or branch of each day is
    in attribution_periods, with a copy of the registration. words_version: the version for which
    search_words was written.
    """

    __tablename__ = "members"
    __table_args__ = (
        CheckConstraint("cardinality(occupations) BETWEEN 1 AND 2", name="occupations"),
        CheckConstraint("programmes @> ARRAY['jkk', 'jkm']::varchar[]", name="programmes"),
        CheckConstraint("declared_income > 0", name="declared_income"),
        CheckConstraint(
            "num_nulls(paid_through, first_unpaid, ends_on, end_reason) IN (0, 4)", name="standing"
        ),
        Index(None, "created_at", "id"),
        Index("ix_members_village", text("lower(village)"), "id"),
        Index(
            "ix_members_to_index",
            "id",
            postgresql_where=text("words_version IS DISTINCT FROM version"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    nik = sealed_text()
    nik_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    nik_warnings: Mapped[list[str]] = mapped_column(ARRAY(Text))
    kk = sealed_text(nullable=True)
    full_name = sealed_text()
    birth_date_text = sealed_text()
    """As 1990-03-12; read and written as `birth_date`."""
    place_of_birth = sealed_text()
    sex: Mapped[Sex] = mapped_column(choice(Sex, "sex"))
    phone = sealed_text()
    phone_hash: Mapped[bytes] = mapped_column(LargeBinary, index=True)
    email = sealed_text(nullable=True)
    street = sealed_text()
    village: Mapped[str] = mapped_column(Text)
    district: Mapped[str] = mapped_column(Text)

    occupations: Mapped[list[str]] = mapped_column(ARRAY(Text))
    declared_income: Mapped[int] = mapped_column(BigInteger)
    programmes: Mapped[list[Programme]] = mapped_column(ARRAY(choice(Programme)))
    employs_others: Mapped[bool]
    payer: Mapped[Payer] = mapped_column(choice(Payer, "payer"))
    new_to_bpu: Mapped[bool]
    new_to_bpu_basis: Mapped[NewToBpuBasis | None] = mapped_column(
        choice(NewToBpuBasis, "new_to_bpu_basis")
    )

    enrolled_on: Mapped[date]
    paid_through: Mapped[Month | None] = mapped_column(MonthText)
    first_unpaid: Mapped[Month | None] = mapped_column(MonthText)
    ends_on: Mapped[date | None]
    end_reason: Mapped[EndReason | None] = mapped_column(choice(EndReason, "end_reason"))
    unpaid_months: Mapped[str | None] = mapped_column(Text)

    version: Mapped[int]
    words_version: Mapped[int | None]
    created_by: Mapped[uuid.UUID]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    attribution_periods: Mapped[list[AttributionPeriodRow]] = relationship(
        lazy="selectin", viewonly=True, order_by=AttributionPeriodRow.from_date
    )

    @property
    def birth_date(self) -> date:
        return date.fromisoformat(self.birth_date_text)

    @birth_date.setter
    def birth_date(self, day: date) -> None:
        self.birth_date_text = day.isoformat()

    @property
    def named(self) -> Named:
        return Named(full_name=self.full_name, phone=self.phone, nik=self.nik)

    @property
    def present_period(self) -> AttributionPeriodRow:
        """Return the attribution period of today."""
        today = clock.today()
        begun = [each for each in self.attribution_periods if each.from_date <= today]
        return begun[-1] if begun else self.attribution_periods[0]

    @property
    def agent_id(self) -> uuid.UUID | None:
        return self.present_period.agent_id

    @property
    def wadah_id(self) -> uuid.UUID | None:
        return self.present_period.wadah_id

    @property
    def acting_agent_id(self) -> uuid.UUID | None:
        """Return the agent who may see and change the record now."""
        return self.present_period.agent_id if self.present_period.agent_sees else None

    @property
    def branch_code(self) -> str:
        return self.present_period.branch_code

    @property
    def region_code(self) -> str:
        return self.present_period.region_code

    @property
    def registration_state(self) -> RegistrationState | None:
        """Return the stored state of the last registration; None if there was none."""
        if not (self.paid_through and self.first_unpaid and self.ends_on and self.end_reason):
            return None
        unpaid = tuple(Month.parse(each) for each in (self.unpaid_months or "").split())
        if unpaid[:1] != (self.first_unpaid,):
            unpaid = list_months(self.first_unpaid, UNPAID_MONTHS)
        return RegistrationState(
            self.paid_through, self.first_unpaid, self.ends_on, self.end_reason, unpaid
        )


class MemberChange(Base):
    """Names of the changed fields of a member, without values. Insert only."""

    __tablename__ = "member_changes"
    __table_args__ = (Index(None, "member_id", "made_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    version: Mapped[int]
    changed: Mapped[list[str]] = mapped_column(ARRAY(Text))
    made_by: Mapped[uuid.UUID]
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
