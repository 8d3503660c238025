"""Agreements of wadahs. They are never edited: an amended one has its own number."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agreements import queries, rules
from agent_service.agreements.models import Agreement
from agent_service.agreements.rules import Period, Schemes, Terms
from agent_service.agreements.schemas import NewAgreement
from agent_service.settings import Settings
from perisai_kit.auth.principal import Principal
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import WadahAgreementSigned
from perisai_kit.events.outbox import publish


async def sign(
    session: AsyncSession,
    wadah_id: UUID,
    new: NewAgreement,
    *,
    by: Principal,
    settings: Settings,
    at: str = "",
) -> None:
    """Record an agreement of a wadah, and publish it.

    at: prefix of its fields in the request.
    Raises: AgreementNumberTaken, AgreementEndsBeforeStart, AgreementTooLong.
    """
    rules.check_agreement(
        Period(new.starts_on, new.ends_on), make_schemes(settings), field=f"{at}ends_on"
    )
    agreement = Agreement(
        id=new_id(),
        wadah_id=wadah_id,
        number=new.number,
        starts_on=new.starts_on,
        ends_on=new.ends_on,
        pays=new.pays,
        recorded_at=clock.now(),
        recorded_by=by.account_id,
    )
    if await insert_once(session, agreement) is None:
        raise rules.AgreementNumberTaken(field=f"{at}number")
    signed = WadahAgreementSigned(
        wadah_id=wadah_id,
        agreement_id=agreement.id,
        starts_on=agreement.starts_on,
        ends_on=agreement.ends_on,
        pays=agreement.pays.value if agreement.pays else None,
    )
    await publish(session, signed)


async def list_agreements(session: AsyncSession, wadah_id: UUID) -> Sequence[Agreement]:
    """Return the agreements of a wadah that end last, the latest first."""
    return await queries.list_agreements(session, wadah_id)


async def list_periods(session: AsyncSession, wadah_id: UUID) -> list[Period]:
    """Return the periods of a wadah's agreements."""
    return [make_period(each) for each in await queries.list_agreements(session, wadah_id)]


def make_period(agreement: Agreement) -> Period:
    """Return the period of an agreement."""
    return Period(agreement.starts_on, agreement.ends_on)


def make_schemes(settings: Settings) -> Schemes:
    """Return the two schemes of the settings."""
    return Schemes(
        new_from=settings.new_scheme_from,
        new=Terms(settings.agreement_max_years, settings.wadah_min_agents),
        old=Terms(settings.agreement_max_years_old, settings.wadah_min_agents_old),
    )
