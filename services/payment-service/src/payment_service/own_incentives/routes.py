"""What the agent or wadah who is signed in gets so far, over HTTP."""

from fastapi import APIRouter

from payment_service.counting.rules import BeneficiaryNotFound
from payment_service.counting.schemas import OwnKind
from payment_service.own_incentives import service
from payment_service.own_incentives.schemas import OwnIncentiveMonthOut, OwnIncentiveOut
from payment_service.own_incentives.service import OwnIncentive
from payment_service.principals import Earner
from perisai_kit.http.dependencies import ReplicaSession
from perisai_kit.http.problems import problems

router = APIRouter(prefix="/v1/me/incentive", tags=["statements"])


@router.get("", responses=problems(BeneficiaryNotFound))
async def get_own_incentive(
    session: ReplicaSession, principal: Earner, wanted: OwnKind = None
) -> OwnIncentiveOut:
    """Return what you get so far: small enough for every start of an app.

    Keep the ETag and send it as If-None-Match: while nothing has changed, the answer is 304.
    """
    return _out(await service.read(session, principal, wanted))


def _out(own: OwnIncentive) -> OwnIncentiveOut:
    progress = own.progress
    return OwnIncentiveOut(
        month=own.month,
        kind=own.kind,
        payable=own.due.payable,
        amount=own.due.amount,
        contribution=own.split.contribution,
        acquisition=own.split.acquisition,
        override=own.split.override,
        debt=own.due.before.debt,
        new_members=progress.new_members if progress else None,
        threshold=progress.threshold if progress else None,
        waiting_payments=progress.waiting.allocations if progress else None,
        waiting_contributions=progress.waiting.contributions if progress else None,
        bonus_review=progress.bonus_review if progress else None,
        scheme_name=own.scheme_name,
        earlier=[OwnIncentiveMonthOut.model_validate(each) for each in own.earlier],
    )
