"""What months of protection would cost. Nothing is written, so there is no transaction."""

from typing import Annotated

from fastapi import APIRouter, Depends

from payment_service.clients.members import Members, MemberUnknown
from payment_service.quotes import service
from payment_service.quotes.rules import MemberDeceased, MemberOverAge, MonthNotBillable
from payment_service.quotes.schemas import QuoteOut, QuoteRequest
from payment_service.settings import Config
from payment_service.tariffs import service as tariffs
from payment_service.tariffs.rules import NoTariff
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.domain.programmes import (
    IncomeBelowMinimum,
    JhtMandatory,
    MandatoryProgrammeMissing,
)
from perisai_kit.http.problems import problems
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.privacy.read_audit import audit_read

router = APIRouter(prefix="/v1/quotes", tags=["quotes"], route_class=ReadRoute)
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
    responses=problems(
        MemberUnknown,
        MemberDeceased,
        MemberOverAge,
        MonthNotBillable,
        NoTariff,
        IncomeBelowMinimum,
        MandatoryProgrammeMissing,
        JhtMandatory,
    ),
)
async def create_quote(
    asked: QuoteRequest, principal: Asker, members: Members, config: Config
) -> QuoteOut:
    """Price months of a member, each rupiah explained, and say what paying them would mean.

    Nothing is stored and nothing is promised: a bill is priced anew when it is issued.
    """
    basis = await tariffs.basis_for(members, principal, asked.member_id)
    audit_read([basis.member_id])
    quote = service.quote(
        basis, config, first_month=asked.first_month, month_count=asked.month_count
    )
    return QuoteOut.of(
        quote,
        member_id=basis.member_id,
        sector=basis.sector,
        payer=basis.payer,
        income=basis.declared_income,
    )
