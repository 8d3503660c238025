"""Access tokens, issued by the gateway and verified by every service."""

import uuid
from datetime import datetime

from gateway.keys.service import SigningKeys
from gateway.settings import Settings
from perisai_kit.auth.principal import Principal, Role, build_claims
from perisai_kit.auth.revocations import get_first_issued_at
from perisai_kit.auth.tokens import AUDIENCE
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.services.client import TokenSource


async def issue_access_token(
    keys: SigningKeys,
    settings: Settings,
    principal: Principal,
    *,
    now: datetime,
    valid_from: datetime | None = None,
    life_s: int | None = None,
) -> str:
    """Return a signed token for a principal, valid for `access_token_s` of real time.

    valid_from: older tokens of the account are revoked; the new token is valid. life_s: a shorter
    life in seconds.
    """
    issued = int(now.timestamp())
    if valid_from is not None:
        issued = max(issued, get_first_issued_at(valid_from))
    return await keys.sign(
        {
            **build_claims(principal),
            "iss": settings.issuer,
            "aud": AUDIENCE,
            "iat": issued,
            "exp": issued + (settings.access_token_s if life_s is None else life_s),
            "jti": str(new_id()),
        }
    )


def make_service_principal(client_id: str) -> Principal:
    """Return the principal of a service."""
    return Principal(
        account_id=uuid.uuid5(uuid.NAMESPACE_URL, client_id),
        roles=frozenset({Role.SERVICE}),
        client_id=client_id,
    )


class OwnTokens(TokenSource):
    """The gateway's own tokens for requests to services, issued without a request."""

    def __init__(self, keys: SigningKeys, settings: Settings) -> None:
        self._keys = keys
        self._settings = settings

    async def get_token(self) -> str:
        """Return a fresh token."""
        now = clock.real_now()
        principal = make_service_principal(self._settings.service)
        return await issue_access_token(self._keys, self._settings, principal, now=now)

    def forget(self) -> None:
        """Reload the signing keys before the next token."""
        self._keys.forget()
