from fastapi import APIRouter, Request

from gateway.clients.otp_sender import CodeNotSent
from gateway.notices import service as notices
from gateway.notices.schemas import SentNoticeOut
from gateway.otp import service
from gateway.otp.schemas import (
    CodeRequest,
    CodeSent,
    OutboxCode,
    OutboxOut,
    OutboxRequest,
)
from gateway.parts import Gateway
from gateway.throttles.rules import TriedTooOften
from perisai_kit.http.body import JsonRoute
from perisai_kit.http.problems import choose_language, problems

# A throttled request must be counted, so it opens its own transaction.
router = APIRouter(prefix="/v1/auth", tags=["auth"], route_class=JsonRoute)
sandbox_router = APIRouter(prefix="/v1/sandbox", tags=["sandbox"], route_class=JsonRoute)


@router.post("/otp", status_code=202, responses=problems(TriedTooOften, CodeNotSent))
async def request_code(gateway: Gateway, request: Request, wanted: CodeRequest) -> CodeSent:
    """Send a one-time code to a telephone number. The answer is the same for every number."""
    await service.request_code(
        gateway,
        phone=wanted.phone,
        device_id=wanted.device_id,
        address=gateway.get_network(request),
        language=choose_language(request),
    )
    return CodeSent(expires_in=gateway.settings.otp_s)


@sandbox_router.post("/otp-outbox")
async def read_outbox(gateway: Gateway, wanted: OutboxRequest) -> OutboxOut:
    """Read the codes and notices for a number. Only a sandbox has this address."""
    async with gateway.database.read() as session:
        codes = await service.read_outbox(session, gateway.keyring, phone=wanted.phone)
        sent = await notices.read_outbox(session, gateway.keyring, phone=wanted.phone)
    return OutboxOut(
        codes=[OutboxCode.model_validate(entry) for entry in codes],
        notices=[SentNoticeOut.model_validate(entry) for entry in sent],
    )
