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
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from member_service.attribution_periods.models import AttributionPeriodRow
from member_service.base import Base, MonthText
from member_service.members.rules import NewToBpuBasis, RegistrationState, Sex
from member_service.registrations.rules import EndReason
from perisai_kit.db.columns import choice
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import Payer, Programme
from perisai_kit.privacy.columns import sealed_text


class Member(Base):
    """An enrolled worker.

    paid_through, first_unpaid, ends_on and end_reason copy the last registration, all or none. The
    agent or branch of each day is in attribution_periods.
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

    version: Mapped[int]
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
        if self.paid_through and self.first_unpaid and self.ends_on and self.end_reason:
            return RegistrationState(
                self.paid_through, self.first_unpaid, self.ends_on, self.end_reason
            )
        return None


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
