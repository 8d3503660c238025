import uuid
from typing import Annotated

from fastapi import APIRouter, Depends

from gateway.accounts.rules import AccountNotFound
from gateway.credentials import rules, service
from gateway.credentials.schemas import PasswordChange, PasswordReset, TotpIn, TotpOut
from perisai_kit import clock
from perisai_kit.auth import Principal, Role, require
from perisai_kit.db import Session
from perisai_kit.idempotency import TransactionRoute
from perisai_kit.problems import problems

router = APIRouter(prefix="/v1", tags=["credentials"], route_class=TransactionRoute)

Anyone = Annotated[Principal, Depends(require())]
Admin = Annotated[Principal, Depends(require(Role.ADMIN))]


@router.post(
    "/accounts/{account_id}/password-reset",
    status_code=204,
    responses=problems(AccountNotFound, rules.NotAStaffAccount),
)
async def reset_password(
    session: Session, _: Admin, account_id: uuid.UUID, reset: PasswordReset
) -> None:
    """Give a staff account another password; its sessions end."""
    await service.reset_password(session, reset, account_id=account_id, now=clock.real_now())


@router.post(
    "/me/password",
    status_code=204,
    responses=problems(rules.PasswordIncorrect, rules.NotAStaffAccount),
)
async def change_password(session: Session, caller: Anyone, change: PasswordChange) -> None:
    """Change your own password; your sessions end."""
    await service.change_password(
        session, change, account_id=caller.account_id, now=clock.real_now()
    )


@router.post("/me/totp", responses=problems(rules.TotpAlreadyOn, rules.NotAStaffAccount))
async def prepare_totp(session: Session, caller: Anyone) -> TotpOut:
    """Get a secret for an authenticator app; confirm it with a first code."""
    secret, uri = await service.prepare_totp(session, account_id=caller.account_id)
    return TotpOut(secret=secret, uri=uri)


@router.post(
    "/me/totp/confirmation",
    status_code=204,
    responses=problems(rules.TotpIncorrect, rules.TotpNotPrepared, rules.TotpAlreadyOn),
)
async def confirm_totp(session: Session, caller: Anyone, given: TotpIn) -> None:
    """Turn the authenticator app on: from now on signing in needs its code."""
    await service.confirm_totp(
        session, account_id=caller.account_id, code=given.code, now=clock.real_now()
    )


@router.post(
    "/me/totp/removal",
    status_code=204,
    responses=problems(rules.TotpIncorrect, rules.TotpNotPrepared),
)
async def remove_totp(session: Session, caller: Anyone, given: TotpIn) -> None:
    """Turn the authenticator app off."""
    await service.remove_totp(
        session, account_id=caller.account_id, code=given.code, now=clock.real_now()
    )
