"""Decide on commission schemes over HTTP."""

from fastapi import APIRouter

from payment_service.commissions import service
from payment_service.principals import Treasurer
from payment_service.schemes.models import Scheme
from payment_service.schemes.rules import (
    OwnProposal,
    SchemeDecided,
    SchemeMonthTaken,
    SchemeNotFound,
    SchemeTooEarly,
    SchemeTooGenerous,
)
from payment_service.schemes.schemas import CommissionSchemeOut, SchemeDecision
from payment_service.settings import Config
from perisai_kit.http.dependencies import Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import SchemeId

router = APIRouter(
    prefix="/v1/commission-schemes", tags=["commission schemes"], route_class=TransactionRoute
)


@router.post(
    "/{scheme_id}/decision",
    response_model=CommissionSchemeOut,
    responses=problems(
        SchemeNotFound,
        SchemeDecided,
        OwnProposal,
        SchemeTooEarly,
        SchemeMonthTaken,
        SchemeTooGenerous,
    ),
)
async def decide(
    scheme_id: SchemeId,
    decision: SchemeDecision,
    session: Session,
    officer: Treasurer,
    config: Config,
) -> Scheme:
    """Approve or reject a scheme that somebody else proposed; it is not edited afterwards."""
    return await service.decide(
        session, scheme_id, verdict=decision.verdict, by=officer.account_id, settings=config
    )
