"""Commission schemes over HTTP; deciding on one is with commissions, which know what was earned."""

from typing import Annotated

from fastapi import APIRouter, Depends

from payment_service.principals import Treasurer
from payment_service.schemes import service
from payment_service.schemes.models import Scheme
from payment_service.schemes.rules import (
    MonthOutsideProgramme,
    SchemeInvalid,
    SchemeNotFound,
    SchemeTooGenerous,
)
from payment_service.schemes.schemas import CommissionSchemeOut, NewScheme
from payment_service.settings import Config
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.http.dependencies import ReadSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import SchemeId

router = APIRouter(
    prefix="/v1/commission-schemes", tags=["commission schemes"], route_class=TransactionRoute
)
Reader = Annotated[Principal, Depends(require(Role.FINANCE_OFFICER, Role.AUDITOR, Role.ADMIN))]


@router.post(
    "",
    status_code=201,
    response_model=CommissionSchemeOut,
    responses=problems(SchemeInvalid, SchemeTooGenerous, MonthOutsideProgramme),
)
async def propose(new: NewScheme, session: Session, officer: Treasurer, config: Config) -> Scheme:
    """Propose a scheme. It applies once another finance officer has approved it."""
    return await service.propose(session, new, by=officer.account_id, settings=config)


@router.get("", response_model=Page[CommissionSchemeOut])
async def list_schemes(
    session: ReadSession, _: Reader, cursor: Cursor = None, limit: Limit = 50
) -> Page[CommissionSchemeOut]:
    """List the schemes with their sources, the latest proposed first."""
    return await service.list_schemes(session, cursor=cursor, limit=limit)


@router.get("/{scheme_id}", response_model=CommissionSchemeOut, responses=problems(SchemeNotFound))
async def get(scheme_id: SchemeId, session: ReadSession, _: Reader) -> Scheme:
    """Return a scheme."""
    return await service.get(session, scheme_id)
