"""Send and try the codes that confirm a change: counted like sign-in codes, and apart from them."""

import hmac
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.clients.otp_sender import LANGUAGE, CodePurpose
from gateway.confirmations import queries, rules
from gateway.confirmations.models import ConfirmationCode
from gateway.otp.rules import CODE_DIGITS, is_usable
from gateway.parts import Parts
from gateway.throttles import rules as throttle_rules
from gateway.throttles import service as throttles
from gateway.throttles.rules import TriedTooOften
from perisai_kit.db.bulk import OldRows
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring
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
    sends = throttle_rules.list_confirmation_sends(
        throttles.read_limits(parts.settings), phone=phone
    )
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    code_id = new_id()
    async with parts.database.begin() as session:
        blocked = await throttles.hit(
            session, parts.keyring, sends, refusals=parts.refusals, now=now
        )
        if blocked is None:
            session.add(
                ConfirmationCode(
                    id=code_id,
                    subject_id=subject_id,
                    phone_hash=phone_hash,
                    code_hash=_hash(parts.keyring, code_id, code),
                    created_at=now,
                    expires_at=now + timedelta(seconds=parts.settings.otp_s),
                )
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
    tries = throttle_rules.list_confirmation_tries(
        throttles.read_limits(parts.settings), phone=phone
    )
    async with parts.database.begin() as session:
        blocked = await throttles.hit(
            session, parts.keyring, tries, refusals=parts.refusals, now=now
        )
        sent = await queries.lock_newest(
            session, subject_id=subject_id, phone_hash=parts.keyring.lookup("phone", phone)
        )
        is_right = blocked is None and _is_right(parts, sent, code, now)
        if sent is not None and is_right:
            sent.consumed_at = now
            await throttles.uncount(session, parts.keyring, tries, refusals=parts.refusals, now=now)
        elif sent is not None:
            sent.attempts += 1
    if blocked is not None:
        log.warning("confirmation.refused", limit=blocked.throttle.kind)
        raise TriedTooOften(retry_after_s=blocked.wait_s)
    return is_right


def find_old(*, now: datetime) -> Sequence[OldRows]:
    """Return the old rows of codes."""
    return [queries.get_old(ended_before=now - rules.CODES_KEPT)]


def _is_right(parts: Parts, sent: ConfirmationCode | None, code: str, now: datetime) -> bool:
    if sent is None or not is_usable(
        expires_at=sent.expires_at,
        consumed_at=sent.consumed_at,
        attempts=sent.attempts,
        max_attempts=parts.settings.otp_attempts,
        now=now,
    ):
        return False
    return hmac.compare_digest(sent.code_hash, _hash(parts.keyring, sent.id, code))


def _hash(keyring: Keyring, code_id: uuid.UUID, code: str) -> bytes:
    return keyring.lookup("confirmation", f"{code_id}:{code}")
