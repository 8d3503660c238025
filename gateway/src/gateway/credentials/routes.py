from typing import Annotated

from fastapi import APIRouter, Depends, Request

from gateway.accounts.rules import AccountNotFound, AccountOutOfScope, OwnAccount
from gateway.accounts.service import AdminRequest
from gateway.changes.rules import Author, ChangeSource
from gateway.credentials import rules, service
from gateway.credentials.schemas import (
    PasswordChange,
    PasswordReset,
    TotpConfirmation,
    TotpPreparation,
    TotpRemoval,
    TotpSecretOut,
)
from gateway.parts import Gateway
from gateway.passwords import PasswordHasUsername, PasswordTooCommon, SignInBusy
from gateway.throttles.rules import TriedTooOften
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require, require_account
from perisai_kit.domain import clock
from perisai_kit.http.body import JsonRoute
from perisai_kit.http.dependencies import Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import AccountId

router = APIRouter(prefix="/v1", tags=["accounts"], route_class=TransactionRoute)
# A wrong password must be counted, so these routes open their own transactions.
me_router = APIRouter(prefix="/v1", tags=["me"], route_class=JsonRoute)

Anyone = Annotated[Principal, Depends(require_account())]
Admin = Annotated[Principal, Depends(require(Role.ADMIN))]
REFUSED = (rules.NotAStaffAccount, TriedTooOften)
PASSWORD_REFUSED = (*REFUSED, rules.PasswordIncorrect, SignInBusy)


@router.post(
    "/accounts/{account_id}/password-reset",
    status_code=204,
    responses=problems(
        AccountNotFound,
        OwnAccount,
        AccountOutOfScope,
        rules.NotAStaffAccount,
        PasswordTooCommon,
        PasswordHasUsername,
        SignInBusy,
    ),
)
async def reset_password(
    gateway: Gateway,
    session: Session,
    admin: Admin,
    request: Request,
    account_id: AccountId,
    reset: PasswordReset,
) -> None:
    """Set a new password for a staff account and end its sessions. Not for your own account."""
    by = AdminRequest(admin, request.state.request_id, reset.reason)
    await service.reset_password(
        session,
        reset,
        account_id=account_id,
        by=by,
        now=clock.real_now(),
        cost=gateway.settings.hash_cost,
    )


@me_router.post(
    "/me/password",
    status_code=204,
    responses=problems(
        *PASSWORD_REFUSED, PasswordTooCommon, PasswordHasUsername, rules.TotpEnrolmentOnly
    ),
)
async def change_password(
    gateway: Gateway, principal: Anyone, request: Request, change: PasswordChange
) -> None:
    """Change your own password; your sessions end."""
    await service.change_password(gateway, change, by=_make_owner(principal, request))


@me_router.post("/me/totp", responses=problems(*PASSWORD_REFUSED, rules.TotpAlreadyOn))
async def prepare_totp(
    gateway: Gateway, principal: Anyone, request: Request, given: TotpPreparation
) -> TotpSecretOut:
    """Get a secret for an authenticator app; confirm it with a first code.

    The token of the sign-in problem `totp_enrolment_required` is valid here.
    """
    password = given.current_password.get_secret_value()
    secret, uri = await service.prepare_totp(gateway, password, by=_make_owner(principal, request))
    return TotpSecretOut(secret=secret, uri=uri)


@me_router.post(
    "/me/totp/confirmation",
    status_code=204,
    responses=problems(*REFUSED, rules.TotpIncorrect, rules.TotpNotPrepared, rules.TotpAlreadyOn),
)
async def confirm_totp(
    gateway: Gateway, principal: Anyone, request: Request, given: TotpConfirmation
) -> None:
    """Turn the authenticator app on. From then on a sign-in needs its code.

    The token of the sign-in problem `totp_enrolment_required` is valid here.
    """
    await service.confirm_totp(gateway, given.code, by=_make_owner(principal, request))


@me_router.post(
    "/me/totp/removal",
    status_code=204,
    responses=problems(*PASSWORD_REFUSED, rules.TotpIncorrect, rules.TotpNotPrepared),
)
async def remove_totp(
    gateway: Gateway, principal: Anyone, request: Request, given: TotpRemoval
) -> None:
    """Turn the authenticator app off; your sessions end."""
    await service.remove_totp(gateway, given, by=_make_owner(principal, request))


def _make_owner(principal: Principal, request: Request) -> Author:
    return Author(ChangeSource.OWNER, principal.account_id, request.state.request_id)
