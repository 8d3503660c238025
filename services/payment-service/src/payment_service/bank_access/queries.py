from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_access.models import AccessToken, UnprovenRequest
from payment_service.bank_access.rules import PartnerClient, Previous
from payment_service.banks.models import BankPartner
from payment_service.banks.rules import PartnerStatus, Sources, sources
from perisai_kit.db.bulk import OldRows
from perisai_kit.runtime.log import get_logger
from snap_bi.errors import KeyRefused
from snap_bi.keys import load_public_key
from snap_bi.profiles import PROFILES, ReplayAnswer

log = get_logger()


def insert_token(
    session: AsyncSession, *, token_hash: bytes, partner_id: UUID, expires_at: datetime
) -> None:
    session.add(AccessToken(token_hash=token_hash, partner_id=partner_id, expires_at=expires_at))


async def find_token(session: AsyncSession, token_hash: bytes) -> AccessToken | None:
    return await session.get(AccessToken, token_hash)


def insert_unproven(session: AsyncSession, values: dict[str, object]) -> None:
    session.add(UnprovenRequest(**values))


async def list_unproven(
    session: AsyncSession, partner_id: UUID, *, before: UUID | None, limit: int
) -> Sequence[UnprovenRequest]:
    """Return the unproven calls in a partner's name, newest first."""
    chosen = select(UnprovenRequest).where(UnprovenRequest.partner_id == partner_id)
    if before is not None:
        chosen = chosen.where(UnprovenRequest.id < before)
    return (await session.scalars(chosen.order_by(UnprovenRequest.id.desc()).limit(limit))).all()


async def find_old_unproven(session: AsyncSession, *, keep: int) -> list[OldRows]:
    """Return all but the newest `keep` of each partner."""
    newest = (
        select(UnprovenRequest.id)
        .where(UnprovenRequest.partner_id == BankPartner.id)
        .order_by(UnprovenRequest.id.desc())
        .offset(keep - 1)
        .limit(1)
        .scalar_subquery()
    )
    found = await session.execute(select(BankPartner.id, newest))
    return [
        OldRows(UnprovenRequest.id, oldest_kept, UnprovenRequest.partner_id == partner_id)
        for partner_id, oldest_kept in found
        if oldest_kept is not None
    ]


def old_tokens(*, before: datetime) -> OldRows:
    return OldRows(AccessToken.expires_at, before)


def make_client(
    partner: BankPartner, bank_time_tolerance: timedelta, *, now: datetime
) -> PartnerClient | None:
    """Return the client of a partner, or None if its profile or its key cannot be used.

    now: real time; addresses that were replaced count until their end.
    """
    profile = PROFILES.get(partner.profile)
    public_key = _load_key(partner.public_key_pem)
    if profile is None or public_key is None:
        # One unusable partner must not keep the others out.
        log.error("bank_partner.skipped", partner_id=str(partner.id))
        return None
    key = _load_key(partner.previous_public_key_pem)
    secret = partner.previous_client_secret
    key_until, secret_until = (
        partner.previous_public_key_until,
        partner.previous_client_secret_until,
    )
    return PartnerClient(
        partner_id=partner.id,
        profile=profile,
        company_code=partner.company_code,
        client_id=partner.client_id,
        client_secret=partner.client_secret,
        public_key=public_key,
        sources=_read_sources(partner, now),
        # Activation requires one of the first two.
        replay_answer=partner.replay_answer or profile.replay_answer or ReplayAnswer.STORED_SUCCESS,
        is_active=partner.status is PartnerStatus.ACTIVE,
        bank_time_tolerance=bank_time_tolerance if partner.trust_bank_time else None,
        keeps_refused_money=partner.keeps_refused_money,
        external_id_format=partner.external_id_format,
        previous_secret=Previous(secret, secret_until) if secret and secret_until else None,
        previous_key=Previous(key, key_until) if key and key_until else None,
    )


def _load_key(pem: str | None) -> RSAPublicKey | None:
    if pem is None:
        return None
    try:
        return load_public_key(pem)
    except KeyRefused:
        return None


def _read_sources(partner: BankPartner, now: datetime) -> Sources:
    present = sources(partner.allowed_sources)
    until = partner.previous_sources_until
    if until is None or until <= now:
        return present
    previous = sources(partner.previous_allowed_sources or ())
    if not (present.networks and previous.networks):
        return Sources()  # one of the two is from anywhere
    return Sources(present.networks + previous.networks)
