from typing import Annotated

from fastapi import APIRouter, Depends, Request

from gateway.accounts.rules import AccountNotFound, AccountOutOfScope, OwnAccount
from gateway.accounts.service import AdminRequest
from gateway.emails import rules, service
from gateway.emails.schemas import EmailChange, MailOutboxOut, MailOutboxRequest
from gateway.notices import service as notices
from gateway.notices.schemas import SentNoticeOut
from gateway.parts import Gateway
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.domain import clock
from perisai_kit.http.body import JsonRoute
from perisai_kit.http.dependencies import Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import AccountId

router = APIRouter(prefix="/v1", tags=["accounts"], route_class=TransactionRoute)
sandbox_router = APIRouter(prefix="/v1/sandbox", tags=["sandbox"], route_class=JsonRoute)

Admin = Annotated[Principal, Depends(require(Role.ADMIN))]


@router.put(
    "/accounts/{account_id}/email",
    status_code=204,
    responses=problems(AccountNotFound, OwnAccount, AccountOutOfScope, rules.NoticesByPhone),
)
async def set_email(
    session: Session, admin: Admin, request: Request, account_id: AccountId, new: EmailChange
) -> None:
    """Change the e-mail address to which a staff account gets its notices. Nobody signs in with it.

    The old address gets a notice. No answer shows the full address, and the history none at all.
    """
    await service.set_email(
        session,
        account_id=account_id,
        email=new.email,
        by=AdminRequest(admin, request.state.request_id, new.reason),
        now=clock.real_now(),
    )


@sandbox_router.post("/mail-outbox")
async def read_mails(gateway: Gateway, wanted: MailOutboxRequest) -> MailOutboxOut:
    """Read the notices to an e-mail address. Only a sandbox has this address."""
    async with gateway.database.read() as session:
        sent = await notices.read_mails(session, gateway.keyring, email=wanted.email)
    return MailOutboxOut(notices=[SentNoticeOut.model_validate(entry) for entry in sent])
