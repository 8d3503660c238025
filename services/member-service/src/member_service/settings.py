from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from member_service.members.rules import Limits, NewToBpuBasis, RiskThresholds
from member_service.registrations.rules import Terms, WaitingMonth
from perisai_kit.runtime.settings import ServiceSettings, shared


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="PERISAI_MEMBER_")

    service: str = "member-service"
    agent_url: str = shared("PERISAI_AGENT_URL")
    payment_url: str = shared("PERISAI_PAYMENT_URL")

    min_age: int = Field(default=15, ge=0, le=64)
    """Completed years. No minimum age for BPU was found in law; 15 is the usual working age.

    Source: docs/domain.md, Who may join.
    """
    min_declared_income: int = Field(default=1_000_000, gt=0, le=2**53)
    """Rupiah a month; from one brochure only. Source: docs/domain.md, Who may join."""

    members_per_phone: int = Field(default=50, ge=1, le=50)
    """Members with one telephone number. Our own choice; sign-in offers at most 50 accounts."""
    members_per_phone_and_agent: int = Field(default=30, ge=1, le=50)
    """Members with one telephone number that one agent can enrol. Our own choice."""
    shared_phone_from: int = Field(default=6, ge=2, le=50)
    """This many members with one telephone number raise a risk flag. Our own choice."""

    known_nik_daily_limit: int = Field(default=100, ge=1, le=100_000)
    """People whom one account enters in 24 hours and who are registered already; then it registers
    nobody for a while. Our own choice: each refusal says that somebody has the NIK."""

    shared_address_from: int = Field(default=10, ge=2, le=1_000)
    """This many acquisitions of an agent's month at one address raise a risk flag. Our own choice:
    more than a household."""
    same_batch_from: int = Field(default=100, ge=2, le=1_000)
    """This many acquisitions of an agent's month from one enrolment batch raise a risk flag. Our
    own choice: a day in a village brings dozens."""
    shared_paying_account_from: int = Field(default=100, ge=2, le=1_000)
    """This many members acquired in an agent's month and paid by one account raise a risk flag. Our
    own choice, as for a batch: an agent may collect the money of a village and pay it in."""
    many_older_from: int = Field(default=25, ge=2, le=1_000)
    """This many people of 60 or more, acquired in an agent's month, raise a risk flag. Our own
    choice: by themselves they reach the threshold of the present scheme."""

    declaration_valid_days: int = Field(default=30, ge=0, le=365)
    """How old a declaration of work may be when a bill is issued that opens a registration.

    Source: docs/domain.md, Membership (that it is asked again is confirmed, the days are our own).
    """
    opening_margin_h: int = Field(default=2, ge=0, le=48)
    """With less time left in a month, a new registration is proposed for the next one. Our own."""
    waiting_months: WaitingMonth = WaitingMonth.OVER
    """Which paid months count towards the waiting period of the death benefit.

    Source: docs/domain.md, Membership (three in a row is confirmed; that they are over is our own).
    """
    correction_valid_days: int = Field(default=14, ge=1, le=365)
    """How long a proposed correction of sensitive facts may be confirmed. Our own choice."""
    phone_correction_delay_h: int = Field(default=72, ge=0, le=24 * 90)
    """Between the notice to a member's old number and its change by officers. Our own choice."""
    joint_leave_counts: bool = True
    """Whether nothing falls due on a day of joint leave either. Our own reading."""

    new_to_bpu_bases: tuple[NewToBpuBasis, ...] = tuple(NewToBpuBasis)
    """Sources that suffice to count a person as never registered before, for an acquisition.

    Source: docs/domain.md, Care (the declaration at enrolment suffices: our own).
    """

    @property
    def terms(self) -> Terms:
        return Terms(
            declaration_days=self.declaration_valid_days,
            opening_margin=timedelta(hours=self.opening_margin_h),
            waiting=self.waiting_months,
            evidence=frozenset(each.value for each in self.new_to_bpu_bases),
        )

    @property
    def risk_thresholds(self) -> RiskThresholds:
        return RiskThresholds(
            phone=self.shared_phone_from,
            address=self.shared_address_from,
            batch=self.same_batch_from,
            paying_account=self.shared_paying_account_from,
            older=self.many_older_from,
        )

    @property
    def limits(self) -> Limits:
        return Limits(
            min_age=self.min_age,
            min_declared_income=self.min_declared_income,
            members_per_phone=self.members_per_phone,
            members_per_phone_and_agent=self.members_per_phone_and_agent,
            shared_phone_from=self.shared_phone_from,
            known_niks_a_day=self.known_nik_daily_limit,
        )
