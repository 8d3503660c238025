import json
from typing import Annotated, assert_never

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from gateway.credentials.rules import TotpEnrolmentRequired
from gateway.otp.rules import CodeWrong
from gateway.parts import Gateway
from gateway.passwords import SignInBusy
from gateway.sessions import rules, service
from gateway.sessions.schemas import (
    AccountChoiceOut,
    Revocation,
    SessionOut,
    SessionsOut,
    TokenOut,
)
from gateway.sign_ins.rules import AccountLocked, AccountNotOffered, SignInRefused, TotpRequired
from gateway.sign_ins.schemas import (
    FORM_SCHEMA,
    ClientGrant,
    Grant,
    OtpGrant,
    PasswordGrant,
    RefreshGrant,
    basic_client,
    grant_of_form,
)
from gateway.throttles.rules import TriedTooOften
from perisai_kit.auth.principal import Principal
from perisai_kit.auth.roles import require_account
from perisai_kit.domain.errors import DomainError
from perisai_kit.http.body import Handler, JsonRequest, JsonRoute, parse_form
from perisai_kit.http.dependencies import Keys, Session
from perisai_kit.http.problems import build_refusal, problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import SessionId

FORM = "application/x-www-form-urlencoded"


class GrantRoute(JsonRoute):
    """Takes a grant as JSON, or as the form that OAuth clients send. Source: RFC 6749 4.3.2.

    A refusal of a form has OAuth's `error` beside the members of a problem.
    """

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
                return await handler(request)
            try:
                fields = {**basic_client(request.headers), **parse_form(await request.body())}
                return await handler(JsonRequest.of(request, grant_of_form(fields)))
            except (DomainError, RequestValidationError) as error:
                return _oauth_refusal(request, error)

        return handle


def _oauth_refusal(request: Request, error: DomainError | RequestValidationError) -> Response:
    refusal = build_refusal(request, error)
    problem = json.loads(bytes(refusal.body))
    name = (
        rules.oauth_error(error)
        if isinstance(error, DomainError)
        else rules.oauth_form_error(error.errors())
    )
    if name is not None:
        problem |= {"error": name, "error_description": problem["title"]}
    headers = {key: text for key, text in refusal.headers.items() if key != "content-length"}
    return JSONResponse(problem, refusal.status_code, headers=headers)


# A refused sign-in must be counted, so it opens its own transactions.
auth_router = APIRouter(prefix="/v1/auth", tags=["auth"], route_class=GrantRoute)
router = APIRouter(prefix="/v1", route_class=TransactionRoute)

Anyone = Annotated[Principal, Depends(require_account())]


@auth_router.post(
    "/token",
    openapi_extra={"requestBody": {"content": {FORM: {"schema": FORM_SCHEMA}}}},
    responses=problems(
        CodeWrong,
        SignInRefused,
        TotpRequired,
        TotpEnrolmentRequired,
        rules.RefreshRefused,
        rules.RefreshReused,
        rules.ClientRefused,
        AccountLocked,
        AccountNotOffered,
        TriedTooOften,
        SignInBusy,
    ),
)
async def create_token(
    gateway: Gateway, request: Request, response: Response, grant: Annotated[Grant, Body()]
) -> TokenOut | AccountChoiceOut:
    """Get an access token for a code, a password, a refresh token or a service's secret.

    The grant is JSON, or a form as OAuth 2.0 clients send it (RFC 6749).

    Where several people share a telephone number the answer lists their accounts instead; send
    the same grant again with one `account_id`.

    Outside a sandbox `admin`, `finance_officer` and `bank_engineer` need an authenticator app.
    Without one the answer is 403 `totp_enrolment_required` with `details.enrolment_token`: an
    access token without roles, valid for `/v1/me` and for setting up the app at `/v1/me/totp`.
    """
    response.headers["Cache-Control"] = "no-store"
    address = gateway.get_network(request)
    match grant:
        case OtpGrant():
            return await service.sign_in_by_code(gateway, grant, address=address)
        case PasswordGrant():
            return await service.sign_in_by_password(gateway, grant, address=address)
        case RefreshGrant():
            return await service.refresh(gateway, grant)
        case ClientGrant():
            return await service.issue_service_token(gateway, grant)
        case _:
            assert_never(grant)


@router.post("/auth/revocation", tags=["auth"], status_code=204)
async def revoke_token(session: Session, keys: Keys, given: Revocation) -> None:
    """End the session of a refresh token. An unknown token gets the same answer."""
    await service.revoke(session, keys, text=given.refresh_token.get_secret_value())


@router.get("/me/sessions", tags=["me"])
async def list_sessions(session: Session, principal: Anyone) -> SessionsOut:
    """List your sessions, newest first."""
    rows = await service.list_own(session, account_id=principal.account_id)
    return SessionsOut(items=[SessionOut.model_validate(row) for row in rows])


@router.post(
    "/me/sessions/{session_id}/revocation",
    tags=["me"],
    status_code=204,
    responses=problems(rules.SessionNotFound),
)
async def revoke_session(session: Session, principal: Anyone, session_id: SessionId) -> None:
    """End one of your sessions, such as the session of a lost telephone."""
    await service.revoke_own(session, session_id=session_id, account_id=principal.account_id)
