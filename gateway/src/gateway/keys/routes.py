from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from gateway.keys import rules, service
from gateway.keys.schemas import JwksOut, KeyRevocation, SigningKeyOut, SigningKeysOut
from gateway.parts import Gateway
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.domain import clock
from perisai_kit.http.dependencies import Session
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import Code

JWKS_MAX_AGE_S = 20
"""Short, so that a cache on the way keeps a withdrawn key within the 90 seconds promised."""

router = APIRouter(prefix="/v1", tags=["keys"], route_class=TransactionRoute)
public_router = APIRouter(tags=["keys"])

Admin = Annotated[Principal, Depends(require(Role.ADMIN))]


@public_router.get("/.well-known/jwks.json")
async def jwks(gateway: Gateway, response: Response) -> JwksOut:
    """Give the keys that verify our tokens: the current one, the next, and those still in use."""
    response.headers["Cache-Control"] = f"public, max-age={JWKS_MAX_AGE_S}"
    return JwksOut.model_validate(await gateway.keys.jwks())


@router.get("/signing-keys")
async def list_keys(session: Session, _: Admin) -> SigningKeysOut:
    """List the signing keys, newest first."""
    keys = await service.list_all(session)
    return SigningKeysOut(items=[SigningKeyOut.model_validate(key) for key in keys])


@router.post("/signing-keys/rotation", responses=problems(rules.KeyTooYoung))
async def rotate(session: Session, _: Admin) -> SigningKeysOut:
    """Let the next key sign from now on. Tokens of the key before stay good."""
    keys = await service.rotate(session, now=clock.real_now())
    return SigningKeysOut(items=[SigningKeyOut.model_validate(key) for key in keys])


@router.post("/signing-keys/{kid}/revocation", responses=problems(rules.KeyNotFound))
async def revoke(
    session: Session, admin: Admin, kid: Annotated[Code, Path()], given: KeyRevocation
) -> SigningKeysOut:
    """Withdraw a key at once, such as one that leaked: every token it signed stops counting.

    The gateway refuses them within 2 seconds, the services within 90. If it is the current key, the
    next one signs from now on. Sessions go on: a refresh gives a token of the new key.
    """
    keys = await service.revoke(
        session, kid=kid, by=admin.account_id, reason=given.reason, now=clock.real_now()
    )
    return SigningKeysOut(items=[SigningKeyOut.model_validate(key) for key in keys])
