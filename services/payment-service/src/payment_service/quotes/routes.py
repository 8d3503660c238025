"""What months of protection would cost. Nothing is written, so there is no transaction."""

from typing import Annotated

from fastapi import APIRouter, Depends

from payment_service.clients.members import Members, MemberUnknown
from payment_service.quotes import service
from payment_service.quotes.schemas import QuoteOut, QuoteRequest
from payment_service.settings import Config
from payment_service.tariffs import service as tariffs
from payment_service.tariffs.rules import (
    DeclaredIncomeTooLow,
    NoTariff,
    OldAgeMandatory,
    ProgrammesIncomplete,
)
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.http.body import JsonRoute
from perisai_kit.http.problems import problems

router = APIRouter(prefix="/v1/quotes", tags=["quotes"], route_class=JsonRoute)
Asker = Annotated[
    Principal,
    Depends(
        require(
            Role.MEMBER,
            Role.AGENT,
            Role.WADAH_ADMIN,
            Role.BRANCH_OFFICER,
            Role.FINANCE_OFFICER,
            Role.ADMIN,
        )
    ),
]


@router.post(
    "",
    response_model=QuoteOut,
    responses=problems(
        MemberUnknown, NoTariff, DeclaredIncomeTooLow, ProgrammesIncomplete, OldAgeMandatory
    ),
)
async def create_quote(
    asked: QuoteRequest, principal: Asker, members: Members, config: Config
) -> QuoteOut:
    """Price consecutive contribution months of a member, each rupiah explained.

    Nothing is stored and nothing is promised: a bill is priced anew when it is issued.
    """
    basis = await tariffs.basis_for(members, principal, asked.member_id)
    return service.quote(
        basis, asked, jht_mandatory_for_employers=config.jht_mandatory_for_employers
    )
