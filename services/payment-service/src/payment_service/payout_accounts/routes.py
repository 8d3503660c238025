"""Our accounts and the stop of all payouts over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from payment_service.banks.rules import BankPartnerNotFound
from payment_service.payout_accounts import service
from payment_service.payout_accounts.models import PayoutAccount, PayoutStop
from payment_service.payout_accounts.rules import (
    NoResumptionProposed,
    OwnPayoutAccount,
    OwnResumption,
    PayoutAccountActive,
    PayoutAccountNotFound,
    PayoutAccountStatusConflict,
    PayoutChannelUnusable,
    PayoutCorporateIdRequired,
    PayoutCorporateIdUnused,
    PayoutLimitsUnusable,
    PayoutRouteUnusable,
    PayoutsNotStopped,
    PayoutStopChanged,
    ResumptionProposed,
)
from payment_service.payout_accounts.schemas import (
    NewPayoutAccount,
    NewPayoutStop,
    PayoutAccountOut,
    PayoutCorporateId,
    PayoutInterbankRoute,
    PayoutLimits,
    PayoutStopOut,
    ResumptionDecision,
)
from payment_service.payout_formats.rules import PayoutFormatUnknown
from payment_service.principals import Bookkeeper, Treasurer
from payment_service.settings import Config
from perisai_kit.domain.errors import PreconditionFailed, PreconditionRequired
from perisai_kit.http.answers.etag import etag
from perisai_kit.http.dependencies import IfMatch, ReadSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems, with_headers
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.privacy.masks import mask_account

accounts = APIRouter(prefix="/v1/payout-accounts", route_class=TransactionRoute)
stops = APIRouter(prefix="/v1/payout-stops", route_class=TransactionRoute)

PayoutAccountId = Annotated[UUID, Path(description="Id of an account of ours.")]
FOUND = with_headers(200, "ETag") | problems(PayoutAccountNotFound)


@accounts.post(
    "",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=with_headers(201, "ETag")
    | problems(
        PayoutChannelUnusable,
        PayoutFormatUnknown,
        PayoutLimitsUnusable,
        BankPartnerNotFound,
        PayoutCorporateIdRequired,
        PayoutCorporateIdUnused,
        PayoutRouteUnusable,
    ),
)
async def register_payout_account(
    new: NewPayoutAccount, session: Session, officer: Treasurer, config: Config, response: Response
) -> PayoutAccountOut:
    """Register an account of ours that incentives are to be paid from, as a draft.

    Another person must activate it.
    """
    account = await service.register(session, new, by=officer.account_id, settings=config)
    return _show(account, response)


@accounts.get("")
async def list_payout_accounts(
    session: ReadSession, _: Bookkeeper, cursor: Cursor = None, limit: Limit = 50
) -> Page[PayoutAccountOut]:
    """List the accounts of ours that incentives are paid from."""
    found = await service.list_accounts(session, cursor=cursor, limit=limit)
    return found.page(_account_out)


@accounts.get("/{payout_account_id}", responses=FOUND)
async def get_payout_account(
    payout_account_id: PayoutAccountId, session: ReadSession, _: Bookkeeper, response: Response
) -> PayoutAccountOut:
    """Read an account of ours. The ETag is its version."""
    return _show(await service.get(session, payout_account_id), response)


@accounts.put(
    "/{payout_account_id}/limits",
    responses=FOUND | problems(PayoutAccountActive, PayoutLimitsUnusable),
)
async def replace_payout_limits(
    payout_account_id: PayoutAccountId,
    limits: PayoutLimits,
    session: Session,
    officer: Treasurer,
    config: Config,
    response: Response,
) -> PayoutAccountOut:
    """Replace how much is paid from an account.

    Not while it is active. Another person must activate it afterwards.
    """
    account = await service.replace_limits(
        session, payout_account_id, limits, by=officer.account_id, settings=config
    )
    return _show(account, response)


@accounts.put(
    "/{payout_account_id}/corporate-id",
    responses=FOUND | problems(PayoutAccountActive, PayoutCorporateIdUnused),
)
async def replace_corporate_id(
    payout_account_id: PayoutAccountId,
    new: PayoutCorporateId,
    session: Session,
    officer: Treasurer,
    response: Response,
) -> PayoutAccountOut:
    """Replace the id by which the bank of an account knows us, where the bank needs one.

    Not while it is active. Another person must activate it afterwards.
    """
    account = await service.replace_corporate_id(
        session, payout_account_id, new.corporate_id, by=officer.account_id
    )
    return _show(account, response)


@accounts.put(
    "/{payout_account_id}/interbank-route",
    responses=FOUND | problems(PayoutAccountActive, PayoutRouteUnusable),
)
async def replace_interbank_route(
    payout_account_id: PayoutAccountId,
    new: PayoutInterbankRoute,
    session: Session,
    officer: Treasurer,
    response: Response,
) -> PayoutAccountOut:
    """Replace by which network transfers from an account go to other banks.

    Not while it is active. Another person must activate it afterwards. What was sent keeps its
    route; what waits goes by the new one.
    """
    account = await service.replace_interbank_route(
        session, payout_account_id, new.interbank_route, by=officer.account_id
    )
    return _show(account, response)


@accounts.post(
    "/{payout_account_id}/activation",
    openapi_extra=IDEMPOTENT,
    responses=FOUND
    | problems(
        PreconditionRequired,
        PreconditionFailed,
        PayoutAccountStatusConflict,
        OwnPayoutAccount,
        PayoutCorporateIdRequired,
    ),
)
async def activate_payout_account(
    payout_account_id: PayoutAccountId,
    session: Session,
    officer: Treasurer,
    if_match: IfMatch,
    response: Response,
) -> PayoutAccountOut:
    """Let runs be paid from an account.

    Needs If-Match: you confirm the version that you read. You cannot activate what you
    registered, changed or suspended yourself.
    """
    account = await service.activate(
        session, payout_account_id, if_match=if_match, by=officer.account_id
    )
    return _show(account, response)


@accounts.post(
    "/{payout_account_id}/suspension",
    openapi_extra=IDEMPOTENT,
    responses=FOUND | problems(PayoutAccountStatusConflict),
)
async def suspend_payout_account(
    payout_account_id: PayoutAccountId, session: Session, officer: Treasurer, response: Response
) -> PayoutAccountOut:
    """Send nothing more from an account. Another person must activate it again."""
    account = await service.suspend(session, payout_account_id, by=officer.account_id)
    return _show(account, response)


@stops.post("", status_code=201, openapi_extra=IDEMPOTENT, responses=problems(PayoutStopChanged))
async def stop_payouts(new: NewPayoutStop, session: Session, officer: Treasurer) -> PayoutStopOut:
    """Stop all payouts at once. What the bank has already is still settled.

    Two officers resume them.
    """
    return _stop_out(await service.stop(session, reason=new.reason, by=officer.account_id))


@stops.get("")
async def list_payout_stops(
    session: ReadSession, _: Bookkeeper, cursor: Cursor = None, limit: Limit = 50
) -> Page[PayoutStopOut]:
    """List when payouts were stopped and resumed, the latest first; the first one holds."""
    return (await service.list_stops(session, cursor=cursor, limit=limit)).page(_stop_out)


@stops.post(
    "/resumption",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(PayoutsNotStopped, ResumptionProposed, PayoutStopChanged),
)
async def propose_resumption(session: Session, officer: Treasurer) -> PayoutStopOut:
    """Propose to resume payouts; another person decides."""
    return _stop_out(await service.propose_resumption(session, by=officer.account_id))


@stops.post(
    "/resumption/decision",
    openapi_extra=IDEMPOTENT,
    responses=problems(NoResumptionProposed, OwnResumption, PayoutStopChanged),
)
async def decide_resumption(
    decision: ResumptionDecision, session: Session, officer: Treasurer
) -> PayoutStopOut:
    """Confirm or reject to resume payouts; your own proposal you can only reject."""
    taken = await service.decide_resumption(
        session, verdict=decision.verdict, by=officer.account_id
    )
    return _stop_out(taken)


def _show(account: PayoutAccount, response: Response) -> PayoutAccountOut:
    response.headers["ETag"] = etag(account.version)
    return _account_out(account)


def _account_out(account: PayoutAccount) -> PayoutAccountOut:
    shown = {
        "account_no_masked": mask_account(account.account_no),
        "cut_off": f"{account.cut_off:%H:%M}",
    }
    names = [name for name in PayoutAccountOut.model_fields if name not in shown]
    return PayoutAccountOut(**{name: getattr(account, name) for name in names}, **shown)


def _stop_out(stop: PayoutStop) -> PayoutStopOut:
    return PayoutStopOut(**{name: getattr(stop, name) for name in PayoutStopOut.model_fields})


router = APIRouter(tags=["payout accounts"])
for each in (accounts, stops):
    router.include_router(each)
