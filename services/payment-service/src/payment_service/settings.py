"""This service's own variables, beside those every service has."""

from typing import Annotated

from fastapi import Depends, Request
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from perisai_kit.settings import ServiceSettings, shared


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="PERISAI_PAYMENT_")

    service: str = "payment-service"
    member_url: str = shared("PERISAI_MEMBER_URL")

    bill_valid_h: int = Field(default=168, ge=1, le=8784)
    """How long a bill can be paid, in hours. No law or source found says; 168 is our choice."""
    bill_late_notice_h: int = Field(default=24, ge=0, le=720)
    """How long an expired bill still takes a bank's late word of a payment made in time. Ours."""
    advance_months: int = Field(default=12, ge=1, le=24)
    """How far ahead of the present month a bill may reach: a whole year at once is sold."""
    jht_mandatory_for_employers: bool = True
    """Permenaker 5/2021 art. 31-32 by one source only; see docs/domain.md, Programmes."""


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.kit.settings
    return settings


Config = Annotated[Settings, Depends(_settings)]
