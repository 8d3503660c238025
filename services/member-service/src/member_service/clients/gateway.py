"""Requests to the gateway, the only service that sends messages to telephones."""

from uuid import UUID

from pydantic import BaseModel, ValidationError

from perisai_kit.domain.errors import Unavailable
from perisai_kit.services.client import ServiceClient

PHONE_OF_AGENT = "phone_of_agent"
MEMBER_PHONE_CHANGING = "member_phone_changing"


class _Sent(BaseModel):
    expires_in: int


class _Result(BaseModel):
    confirmed: bool


async def send_code(
    gateway: ServiceClient, *, subject_id: UUID, member_id: UUID, phone: str
) -> int:
    """Send a code that confirms this subject; return for how many seconds it is valid.

    Raises: TooMany, Conflict for the number of an agent, Unavailable.
    """
    asked = {"subject_id": str(subject_id), "member_id": str(member_id), "phone": phone}
    answer = await gateway.post("/v1/confirmation-codes", asked)
    try:
        return _Sent.model_validate(answer).expires_in
    except ValidationError:
        raise Unavailable from None


async def try_code(gateway: ServiceClient, *, subject_id: UUID, phone: str, code: str) -> bool:
    """Ask whether a code is right; a right one is used up. Raises: TooMany, Unavailable."""
    asked = {"subject_id": str(subject_id), "phone": phone, "code": code}
    answer = await gateway.post("/v1/confirmation-codes/verification", asked)
    try:
        return _Result.model_validate(answer).confirmed
    except ValidationError:
        raise Unavailable from None


async def send_notice(
    gateway: ServiceClient, *, notice_id: UUID, phone: str, template: str
) -> None:
    """Send a notice to a number, once for each id. Raises: Unavailable."""
    asked = {"id": str(notice_id), "phone": phone, "template": template}
    await gateway.post("/v1/phone-notices", asked)
