"""Send and try the codes that confirm a change: counted like sign-in codes, and apart from them."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from gateway.clients.otp_sender import LANGUAGE, CodePurpose
from gateway.confirmations import queries, rules
from gateway.confirmations.models import ConfirmationCode
from gateway.otp import service as otp
from gateway.parts import Parts
from gateway.throttles import rules as throttle_rules
from gateway.throttles.rules import TriedTooOften
from perisai_kit.db.bulk import OldRows
from perisai_kit.runtime.log import get_logger

log = get_logger()


async def send_code(
    parts: Parts, *, subject_id: uuid.UUID, member_id: uuid.UUID, phone: str, now: datetime
) -> None:
    """Send a new code for a change of a member; it replaces the earlier one for the same change.

    Raises: PhoneOfAgent, TriedTooOften, CodeNotSent.
    """
    phone_hash = parts.keyring.lookup("phone", phone)
    async with parts.database.read() as session:
        if await queries.is_agents_number(session, phone_hash, besides_member=member_id):
            raise rules.PhoneOfAgent
    sends = throttle_rules.list_confirmation_sends(parts.throttles.limits, phone=phone)
    async with parts.database.begin() as session:
        blocked = await parts.throttles.hit(session, sends, now=now)
        if blocked is None:
            code = otp.add_code(
                parts, session, ConfirmationCode, phone=phone, now=now, subject_id=subject_id
            )
    if blocked is not None:
        log.warning("confirmation_code.refused", limit=blocked.throttle.kind)
        raise TriedTooOften(retry_after_s=blocked.wait_s)
    await parts.sender.send(
        phone=phone, code=code, language=LANGUAGE, purpose=CodePurpose.CONFIRMATION
    )


async def try_code(
    parts: Parts, *, subject_id: uuid.UUID, phone: str, code: str, now: datetime
) -> bool:
    """Tell whether this is the code for the change, and use it up. A wrong code is counted.

    Raises: TriedTooOften.
    """
    tries = throttle_rules.list_confirmation_tries(parts.throttles.limits, phone=phone)
    async with parts.database.begin() as session:
        blocked = await parts.throttles.hit(session, tries, now=now)
        sent = await otp.try_code(
            parts,
            session,
            ConfirmationCode,
            code,
            phone=phone,
            is_refused=blocked is not None,
            now=now,
            subject_id=subject_id,
        )
        if sent is not None:
            sent.consumed_at = now
            await parts.throttles.uncount(session, tries, now=now)
    if blocked is not None:
        log.warning("confirmation.refused", limit=blocked.throttle.kind)
        raise TriedTooOften(retry_after_s=blocked.wait_s)
    return sent is not None


def find_old(*, now: datetime) -> Sequence[OldRows]:
    """Return the old rows of codes."""
    return [otp.find_old_codes(ConfirmationCode, now=now)]
