"""The integration guide of a bank partner."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_guides import rules
from payment_service.banks import service as banks
from snap_bi.profiles import PROFILES


async def get(
    session: AsyncSession, *, partner_id: UUID, at: datetime, sandbox: bool
) -> rules.Guide:
    """Return sample requests and codes of a partner. Its secret signs samples in a sandbox only.

    at: real time. Raises: BankPartnerNotFound.
    """
    partner = await banks.get(session, partner_id)
    profile = PROFILES[partner.profile]
    client = rules.Client(
        profile=profile,
        client_id=partner.client_id,
        company_code=partner.company_code,
        secret=partner.client_secret if sandbox else None,
    )
    return rules.make_guide(client, at=at)
