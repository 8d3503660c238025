from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from gateway.keys import rules, service
from gateway.keys.schemas import JwksOut, KeyRevocation, SigningKeyOut, SigningKeysOut
from gateway.parts import Gateway
from perisai_kit.auth.principal import Principal, Role, ScopeKind
from perisai_kit.auth.roles import require
from perisai_kit.domain import clock
from perisai_kit.http.dependencies import Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import Code

JWKS_MAX_AGE_S = 20
"""Short, so that a cache on the way cannot keep a revoked key longer than the promised 90 s."""

router = APIRouter(prefix="/v1", tags=["signing keys"], route_class=TransactionRoute)
public_router = APIRouter(tags=["auth"])

Admin = Annotated[Principal, Depends(require(Role.ADMIN, scope=ScopeKind.COUNTRY))]


@public_router.get("/.well-known/jwks.json")
async def get_keys(gateway: Gateway, response: Response) -> JwksOut:
    """Return the keys that verify access tokens: current, next, and those still in use."""
    response.headers["Cache-Control"] = f"public, max-age={JWKS_MAX_AGE_S}"
    return JwksOut.model_validate(await gateway.keys.jwks())


@router.get("/signing-keys")
async def list_keys(session: Session, _: Admin) -> SigningKeysOut:
    """List the signing keys, newest first."""
    keys = await service.list_all(session)
    return SigningKeysOut(items=[SigningKeyOut.model_validate(key) for key in keys])


@router.post("/signing-keys/rotation", responses=problems(rules.KeyTooYoung))
async def rotate(session: Session, _: Admin) -> SigningKeysOut:
    """Rotate the signing keys: the next key signs from now on. Older tokens stay valid."""
    keys = await service.rotate(session, now=clock.real_now())
    return SigningKeysOut(items=[SigningKeyOut.model_validate(key) for key in keys])


@router.post("/signing-keys/{kid}/revocation", responses=problems(rules.KeyNotFound))
async def revoke(
    session: Session,
    admin: Admin,
    kid: Annotated[Code, Path(description="Id of the key.")],
    given: KeyRevocation,
) -> SigningKeysOut:
    """Revoke a key at once, for example after a leak. Every token that it signed becomes invalid.

    The gateway refuses such tokens within 2 seconds, the services within 90. If it is the current
    key, the next key signs from now on. Sessions continue: a refresh returns a token of the new
    key.
    """
    keys = await service.revoke(
        session, kid=kid, by=admin.account_id, reason=given.reason, now=clock.real_now()
    )
    return SigningKeysOut(items=[SigningKeyOut.model_validate(key) for key in keys])
