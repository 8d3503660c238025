from pydantic import Field
from pydantic_settings import SettingsConfigDict

from member_service.members.rules import Limits
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

    @property
    def limits(self) -> Limits:
        return Limits(min_age=self.min_age, min_declared_income=self.min_declared_income)
