"""Propose, decide and look up the schemes that commissions are computed by."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.schemes import queries, rules
from payment_service.schemes.models import Scheme
from payment_service.schemes.rules import (
    Applied,
    SchemeMonthTaken,
    SchemeStatus,
    SchemeVerdict,
)
from payment_service.schemes.schemas import CommissionSchemeOut, NewScheme, SchemeTerms
from payment_service.settings import Settings
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.http.paging import Page, cut_page, read_cursor


async def propose(session: AsyncSession, new: NewScheme, *, by: UUID, settings: Settings) -> Scheme:
    """Write a scheme down, for somebody else to decide on.

    Raises: SchemeInvalid, SchemeTooGenerous, MonthOutsideProgramme.
    """
    rules.check_first_month(new.first_month)
    rules.check_terms(new.terms.terms())
    _check_generosity(new.terms, settings)
    scheme = Scheme(
        id=new_id(),
        name=new.name,
        first_month=new.first_month,
        terms=new.terms.model_dump(mode="json"),
        source=new.source,
        status=SchemeStatus.PROPOSED,
        proposed_by=by,
        proposed_at=clock.now(),
    )
    await queries.insert_scheme(session, scheme)
    return scheme


async def decide(
    session: AsyncSession,
    scheme_id: UUID,
    *,
    verdict: SchemeVerdict,
    by: UUID,
    earliest: Month | None,
    settings: Settings,
) -> Scheme:
    """Approve or reject a proposal.

    earliest: the first month in which nothing has been earned yet; the caller keeps it from
    moving.
    Raises: SchemeNotFound, SchemeDecided, OwnProposal, SchemeTooEarly, SchemeMonthTaken,
    SchemeTooGenerous.
    """
    scheme = await queries.lock_scheme(session, scheme_id)
    rules.check_decision(scheme.status, is_own=scheme.proposed_by == by)
    if verdict is SchemeVerdict.APPROVED:
        rules.check_beginning(scheme.first_month, earliest=earliest)
        _check_generosity(SchemeTerms.model_validate(scheme.terms), settings)
        if await queries.find_approved(session, scheme.first_month) is not None:
            raise SchemeMonthTaken
    scheme.status = SchemeStatus(verdict)
    scheme.decided_by = by
    scheme.decided_at = clock.now()
    await session.flush()
    return scheme


async def get(session: AsyncSession, scheme_id: UUID) -> Scheme:
    """Return a scheme. Raises: SchemeNotFound."""
    return await queries.get_scheme(session, scheme_id)


async def list_schemes(
    session: AsyncSession, *, cursor: str | None, limit: int
) -> Page[CommissionSchemeOut]:
    """Return schemes in every state, the latest proposed first.

    Raises: CursorInvalid.
    """
    rows = await queries.list_page(session, before_id=read_cursor(cursor, UUID), limit=limit + 1)
    return cut_page(rows, limit, key=lambda row: row.id).page(CommissionSchemeOut.model_validate)


async def approved(session: AsyncSession) -> list[Applied]:
    """Return the approved schemes."""
    return [applied(scheme) for scheme in await queries.list_approved(session)]


def _check_generosity(terms: SchemeTerms, settings: Settings) -> None:
    rules.check_generosity(
        terms.terms(),
        max_share_bps=settings.scheme_max_share_bps,
        max_acquisition=settings.scheme_max_acquisition,
    )


def applied(scheme: Scheme) -> Applied:
    """Return a scheme's terms to compute with, whatever was decided on it."""
    terms = SchemeTerms.model_validate(scheme.terms).terms()
    return Applied(scheme.id, scheme.name, scheme.first_month, terms)
