from typing import Annotated

from fastapi import APIRouter, Depends

from gateway.clients.otp_sender import CodeNotSent
from gateway.confirmations import service
from gateway.confirmations.rules import PhoneOfAgent
from gateway.confirmations.schemas import (
    ConfirmationCodeSent,
    ConfirmationResult,
    ConfirmationTry,
    NewConfirmationCode,
)
from gateway.parts import Gateway
from gateway.throttles.rules import TriedTooOften
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.domain import clock
from perisai_kit.http.body import JsonRoute
from perisai_kit.http.problems import problems

# A throttled request must be counted, so it opens its own transaction.
router = APIRouter(
    prefix="/v1/confirmation-codes", tags=["confirmation_codes"], route_class=JsonRoute
)

Service = Annotated[Principal, Depends(require(Role.SERVICE))]


@router.post("", status_code=202, responses=problems(PhoneOfAgent, TriedTooOften, CodeNotSent))
async def send_code(
    gateway: Gateway, wanted: NewConfirmationCode, _: Service
) -> ConfirmationCodeSent:
    """Send a code to a member's present telephone, with which the member confirms one change.

    For services only. The code confirms nothing else and signs nobody in.
    """
    await service.send_code(
        gateway,
        subject_id=wanted.subject_id,
        member_id=wanted.member_id,
        phone=wanted.phone,
        now=clock.real_now(),
    )
    return ConfirmationCodeSent(expires_in=gateway.settings.otp_s)


@router.post("/verification", responses=problems(TriedTooOften))
async def verify_code(gateway: Gateway, tried: ConfirmationTry, _: Service) -> ConfirmationResult:
    """Tell whether a code is right, and use it up. For services only."""
    confirmed = await service.try_code(
        gateway,
        subject_id=tried.subject_id,
        phone=tried.phone,
        code=tried.code,
        now=clock.real_now(),
    )
    return ConfirmationResult(confirmed=confirmed)
