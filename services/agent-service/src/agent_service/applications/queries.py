from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.applications.models import Application, ApplicationChange
from agent_service.applications.rules import (
    ApplicationNotFound,
    ApplicationStatus,
)
from agent_service.requirements.models import Check
from agent_service.requirements.rules import Requirement, RequirementOutcome
from agent_service.scopes import by_office
from perisai_kit.auth.principal import Principal, Role

MAX_CHANGES = 100


def is_visible_to(principal: Principal) -> ColumnElement[bool]:
    """Return the condition of rows a subject sees: their own, their wadah's, or their scope."""
    seen = [
        Application.account_id == principal.account_id,
        by_office(
            principal,
            Role.BRANCH_OFFICER,
            Role.AUDITOR,
            branch=Application.branch_code,
            region=Application.region_code,
        ),
    ]
    if principal.has(Role.WADAH_ADMIN):
        seen.append(Application.wadah_id == principal.wadah_id)
    return or_(*seen)


async def get_visible(
    session: AsyncSession, application_id: UUID, seen: ColumnElement[bool]
) -> Application:
    """Return a visible application. Raises: ApplicationNotFound."""
    chosen = select(Application).where(Application.id == application_id, seen)
    application = await session.scalar(chosen)
    if application is None:
        raise ApplicationNotFound
    return application


async def find_own_verification_at(
    session: AsyncSession, account_id: UUID, number: int
) -> datetime | None:
    """Return when an applicant asked for a verification that said whether the NIK is a member's.

    number: 1 is the last one, over all applications of the account. Withdrawn ones count too.
    """
    asked = (
        select(Check.checked_at)
        .join(Application, Application.id == Check.application_id)
        .where(
            Application.account_id == account_id,
            Check.checked_by == account_id,
            Check.requirement == Requirement.MEMBERSHIP.value,
            Check.outcome != RequirementOutcome.UNKNOWN,
        )
    )
    return await session.scalar(asked.order_by(Check.checked_at.desc()).offset(number - 1).limit(1))


async def lock_visible(
    session: AsyncSession, application_id: UUID, seen: ColumnElement[bool]
) -> Application:
    """Lock and return a visible application. Raises: ApplicationNotFound."""
    chosen = (
        select(Application)
        .where(Application.id == application_id, seen)
        .with_for_update(key_share=True)
    )
    application = await session.scalar(chosen.execution_options(populate_existing=True))
    if application is None:
        raise ApplicationNotFound
    return application


async def list_page(
    session: AsyncSession,
    *,
    seen: ColumnElement[bool],
    status: ApplicationStatus | None,
    wadah_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Application]:
    chosen = select(Application).where(seen)
    if status is not None:
        chosen = chosen.where(Application.status == status)
    if wadah_id is not None:
        chosen = chosen.where(Application.wadah_id == wadah_id)
    if after is not None:
        chosen = chosen.where(Application.id > after)
    return (await session.scalars(chosen.order_by(Application.id).limit(limit))).all()


async def list_changes(session: AsyncSession, application_id: UUID) -> Sequence[ApplicationChange]:
    """Return the latest changes, the latest first."""
    chosen = select(ApplicationChange).where(ApplicationChange.application_id == application_id)
    latest = chosen.order_by(ApplicationChange.id.desc()).limit(MAX_CHANGES)
    return (await session.scalars(latest)).all()
