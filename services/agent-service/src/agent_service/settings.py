"""Settings of this service, from the environment."""

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from perisai_kit.http.types import Code
from perisai_kit.runtime.settings import ServiceSettings, shared


class Settings(ServiceSettings):
    """Variables begin with `PERISAI_AGENT_`. Sources: docs/domain.md, The Perisai programme."""

    model_config = SettingsConfigDict(env_prefix="PERISAI_AGENT_")

    service: str = "agent-service"
    member_url: str = shared("PERISAI_MEMBER_URL")
    payment_url: str = shared("PERISAI_PAYMENT_URL")

    requirements: tuple[Code, ...] = (
        "membership",
        "own_account",
        "phone_and_device",
        "citizen",
        "adult",
        "not_bpjs_employee",
        "wadah_active",
        "training",
        "exam",
    )
    """Requirements of applicants, a JSON list. An officer attests those that we do not check: BPJS
    may add requirements (Perban 1/2023 art. 7(2))."""
    minimum_age: int = Field(default=18, ge=17, le=99)
    """Completed years; Perban 1/2023 art. 7."""
    verification_daily_limit: int = Field(default=20, ge=1, le=1000)
    """Verifications of one application in 24 hours, and of one proposed bank account in all, each
    asking a bank. The number is ours."""

    applicant_verification_daily_limit: int = Field(default=5, ge=1, le=1000)
    """Verifications that one account asks for in 24 hours, over all its applications: each says
    whether a NIK is a member's. The number is ours."""

    applicant_nik_daily_limit: int = Field(default=5, ge=1, le=1000)
    """Different NIKs that one account applies with in 24 hours, whatever becomes of them: each
    answer says whether the person is an agent or applies elsewhere. The number is ours."""

    account_change_freeze_h: int = Field(default=72, ge=0, le=8760)
    """How long payouts to a changed bank account wait after the decision. The number is ours."""

    new_scheme_from: date = date(2022, 4, 1)
    """The first day of New Perisai (April 2022)."""
    agreement_max_years: int = Field(default=1, ge=1, le=10)
    """New scheme; S7 2022."""
    agreement_max_years_old: int = Field(default=3, ge=1, le=10)
    """Agreements that start before the new scheme; S7 2022."""
    wadah_min_agents: int = Field(default=5, ge=0, le=1000)
    """New scheme; S7 2022. Fewer is a warning, never a refusal."""
    wadah_min_agents_old: int = Field(default=3, ge=0, le=1000)

    reinstatement_wait_months: int = Field(default=6, ge=0, le=120)
    """After a suspension for inactivity; S5 2018, S20."""
    inactivity_window_months: int = Field(default=3, ge=1, le=24)
    """Full months; S5 2018, S7 2022."""
    inactivity_lacking: Literal["both", "either"] = "both"
    """Whether both or either must be lacking; the sources for the new scheme are ambiguous."""

    @model_validator(mode="after")
    def _membership_is_required(self) -> Self:
        # An agent's record needs a member id: the law and payments to the agent require it.
        if "membership" not in self.requirements:
            raise ValueError("requirements must include membership")
        return self
