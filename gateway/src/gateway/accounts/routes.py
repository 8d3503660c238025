from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts import rules, service
from gateway.accounts.models import Account
from gateway.accounts.offices import OfficesFirstRoute, get_offices
from gateway.accounts.own_labels import find_own_label
from gateway.accounts.rules import AccountKind
from gateway.accounts.schemas import (
    AccountOut,
    AccountsOut,
    MeOut,
    NewStaffAccount,
    PhoneChange,
    PhoneLookup,
    RolesChange,
    ScopeOut,
    StatedReason,
    Username,
)
from gateway.accounts.service import AdminRequest
from gateway.changes.schemas import AccountChangeOut
from gateway.parts import Gateway
from gateway.passwords import PasswordHasUsername, PasswordTooCommon, SignInBusy
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require, require_account
from perisai_kit.domain import clock
from perisai_kit.domain.errors import PreconditionRequired
from perisai_kit.http.answers.etag import etag
from perisai_kit.http.dependencies import IfMatch, Keys, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems, with_headers
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.types import AccountId
from perisai_kit.privacy.masks import mask_email, mask_phone
from perisai_kit.privacy.read_audit import audit_read

router = APIRouter(prefix="/v1", tags=["accounts"], route_class=TransactionRoute)
roles_router = APIRouter(prefix="/v1", tags=["accounts"], route_class=OfficesFirstRoute)
me_router = APIRouter(prefix="/v1", tags=["me"])

Anyone = Annotated[Principal, Depends(require_account())]
Admin = Annotated[Principal, Depends(require(Role.ADMIN))]
Reader = Annotated[Principal, Depends(require(Role.ADMIN, Role.AUDITOR))]
NOT_YOURS = (rules.OwnAccount, rules.AccountOutOfScope)
UNKNOWN_OFFICES = (
    rules.ScopeBranchUnknown,
    rules.ScopeRegionDiffers,
    rules.ScopeRegionUnknown,
    rules.AccountBankPartnerUnknown,
    rules.AccountWadahUnknown,
)


@me_router.get("/me")
async def get_me(gateway: Gateway, request: Request, principal: Anyone) -> MeOut:
    """Show the signed-in account with its roles and its scope, and its owner's name whole."""
    async with gateway.database.read() as session:
        account = await service.find(session, account_id=principal.account_id)
    label, scope = None, principal.scope
    if account is not None:
        authorization = request.headers["Authorization"]
        label = await find_own_label(
            gateway, account, principal=principal, authorization=authorization
        )
    return MeOut(
        account_id=principal.account_id,
        kind=AccountKind(account.kind) if account else None,
        username=account.username if account else None,
        display_label=label,
        email_masked=mask_email(account.email) if account and account.email else None,
        client_id=principal.client_id,
        roles=sorted(principal.roles),
        scope=ScopeOut.model_validate(scope) if scope else None,
        member_id=principal.member_id,
        agent_id=principal.agent_id,
        wadah_id=principal.wadah_id,
        has_totp=account is not None and account.totp_confirmed_at is not None,
        device_id=principal.device_id,
        amr=principal.amr,
    )


@roles_router.post(
    "/accounts",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=with_headers(201, "ETag", "Location")
    | problems(
        rules.UsernameTaken,
        rules.RolesNotAllowed,
        rules.RolesDoNotCombine,
        rules.ScopeInvalid,
        rules.BankEngineerScope,
        rules.AdminCountryOnly,
        rules.ScopeRequired,
        rules.WadahRequired,
        rules.AccountOutOfScope,
        *UNKNOWN_OFFICES,
        PasswordTooCommon,
        PasswordHasUsername,
        SignInBusy,
    ),
)
async def create(
    gateway: Gateway,
    session: Session,
    admin: Admin,
    request: Request,
    new: NewStaffAccount,
    response: Response,
) -> AccountOut:
    """Create a staff account, which signs in with username and password."""
    by = _make_admin_request(admin, request, new.reason)
    account = await service.create_staff(
        session,
        new,
        by=by,
        offices=get_offices(request),
        now=clock.real_now(),
        cost=gateway.settings.hash_cost,
    )
    response.headers["Location"] = f"/v1/accounts/{account.id}"
    return _out(account, response)


@router.get("/accounts", responses=problems())
async def list_accounts(
    session: Session,
    principal: Reader,
    kind: Annotated[AccountKind | None, Query(description="Only of this kind.")] = None,
    role: Annotated[Role | None, Query(description="Only with this role.")] = None,
    username: Annotated[
        Username | None, Query(description="Only the account of this name.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AccountOut]:
    """List the accounts within your scope, newest first."""
    found = await service.list_page(
        session,
        reader=principal,
        kind=kind,
        role=role,
        username=username,
        limit=limit,
        cursor=cursor,
    )
    return found.page(_show)


@router.post("/account-lookups")
async def look_up(
    session: Session, principal: Reader, keys: Keys, wanted: PhoneLookup
) -> AccountsOut:
    """Find the accounts of a telephone number within your scope."""
    accounts = await service.list_with_phone(session, keys, phone=wanted.phone, reader=principal)
    return AccountsOut(items=[_show(each) for each in accounts])


@router.get(
    "/accounts/{account_id}",
    responses=with_headers(200, "ETag") | problems(rules.AccountNotFound),
)
async def get(
    session: Session, principal: Reader, account_id: AccountId, response: Response
) -> AccountOut:
    """Show an account. The ETag is its version."""
    account = await service.get_visible(session, account_id=account_id, reader=principal)
    return _out(account, response)


@router.get("/accounts/{account_id}/history", responses=problems(rules.AccountNotFound))
async def list_history(
    session: Session,
    principal: Reader,
    account_id: AccountId,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AccountChangeOut]:
    """List the changes of an account with author and reason, newest first."""
    found = await service.list_history(
        session, account_id=account_id, reader=principal, limit=limit, cursor=cursor
    )
    audit_read([account_id])
    return found.page(AccountChangeOut.model_validate)


@roles_router.put(
    "/accounts/{account_id}/roles",
    responses=with_headers(200, "ETag")
    | problems(
        rules.AccountNotFound,
        *NOT_YOURS,
        PreconditionRequired,
        rules.VersionChanged,
        rules.LastAdmin,
        rules.RolesNotAllowed,
        rules.RolesDoNotCombine,
        rules.ScopeInvalid,
        rules.BankEngineerScope,
        rules.AdminCountryOnly,
        rules.ScopeRequired,
        rules.WadahRequired,
        *UNKNOWN_OFFICES,
    ),
)
async def set_roles(
    session: Session,
    admin: Admin,
    request: Request,
    account_id: AccountId,
    new: RolesChange,
    response: Response,
    if_match: IfMatch,
) -> AccountOut:
    """Replace the roles, the scope and the wadah of a staff account. Needs If-Match.

    The scope before and after must lie within your own. You cannot change your own roles.
    """
    account = await service.set_roles(
        session,
        new,
        account_id=account_id,
        by=_make_admin_request(admin, request, new.reason),
        offices=get_offices(request),
        if_match=if_match,
        now=clock.real_now(),
    )
    return _out(account, response)


@router.put(
    "/accounts/{account_id}/phone",
    responses=with_headers(200, "ETag")
    | problems(rules.AccountNotFound, *NOT_YOURS, rules.NotAPerson, rules.PhoneTaken),
)
async def set_phone(
    session: Session,
    admin: Admin,
    request: Request,
    account_id: AccountId,
    new: PhoneChange,
    keys: Keys,
    response: Response,
) -> AccountOut:
    """Change the telephone number of a person's account and end its sessions.

    The old number gets a notice. The answer and the history never show the full number.
    """
    account = await service.set_phone(
        session,
        keys,
        account_id=account_id,
        phone=new.phone,
        by=_make_admin_request(admin, request, new.reason),
        now=clock.real_now(),
    )
    return _out(account, response)


@router.post(
    "/accounts/{account_id}/lock",
    responses=with_headers(200, "ETag")
    | problems(rules.AccountNotFound, *NOT_YOURS, rules.LastAdmin),
)
async def lock(
    session: Session,
    admin: Admin,
    request: Request,
    account_id: AccountId,
    given: StatedReason,
    response: Response,
) -> AccountOut:
    """Lock an account: its sessions end, and it cannot sign in."""
    by = _make_admin_request(admin, request, given.reason)
    account = await service.lock(session, account_id=account_id, by=by, now=clock.real_now())
    return _out(account, response)


@router.post(
    "/accounts/{account_id}/unlock",
    responses=with_headers(200, "ETag") | problems(rules.AccountNotFound, *NOT_YOURS),
)
async def unlock(
    session: Session,
    admin: Admin,
    request: Request,
    account_id: AccountId,
    given: StatedReason,
    response: Response,
) -> AccountOut:
    """Let an account sign in again."""
    by = _make_admin_request(admin, request, given.reason)
    account = await service.unlock(session, account_id=account_id, by=by, now=clock.real_now())
    return _out(account, response)


async def may_see(session: AsyncSession, reader: Principal, person_id: UUID) -> bool:
    """Tell whether an account lies within the reader's scope, for the routes of read audits."""
    try:
        await service.get_visible(session, account_id=person_id, reader=reader)
    except rules.AccountNotFound:
        return False
    return True


def _make_admin_request(admin: Principal, request: Request, reason: str) -> AdminRequest:
    return AdminRequest(admin, request.state.request_id, reason)


def _out(account: Account, response: Response) -> AccountOut:
    response.headers["ETag"] = etag(account.version)
    return _show(account)


def _show(account: Account) -> AccountOut:
    audit_read((account.id, account.member_id, account.agent_id))
    scope = service.get_scope(account)
    return AccountOut(
        id=account.id,
        kind=AccountKind(account.kind),
        username=account.username,
        display_label=account.display_label,
        phone_masked=mask_phone(account.phone) if account.phone else None,
        email_masked=mask_email(account.email) if account.email else None,
        roles=[Role(role) for role in account.roles],
        scope=ScopeOut.model_validate(scope) if scope else None,
        member_id=account.member_id,
        agent_id=account.agent_id,
        wadah_id=account.present_wadah_id,
        has_totp=account.totp_confirmed_at is not None,
        locked_at=account.locked_at,
        created_at=account.created_at,
        version=account.version,
    )
