"""Access tokens: made here, believed everywhere until they end or are revoked."""

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
) -> str:
    """Return a signed token for a subject. It lives `access_token_s` of real time.

    valid_from: tokens given before this instant do not count; this one does.
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
            "exp": issued + settings.access_token_s,
            "jti": str(new_id()),
        }
    )


def make_service_principal(client_id: str) -> Principal:
    """Return the subject that a service is."""
    return Principal(
        account_id=uuid.uuid5(uuid.NAMESPACE_URL, client_id),
        roles=frozenset({Role.SERVICE}),
        client_id=client_id,
    )


class OwnTokens(TokenSource):
    """The gateway's own token for its questions to services: it need not ask itself."""

    def __init__(self, keys: SigningKeys, settings: Settings) -> None:
        self._keys = keys
        self._settings = settings

    async def get_token(self) -> str:
        """Return a fresh token."""
        now = clock.real_now()
        principal = make_service_principal(self._settings.service)
        return await issue_access_token(self._keys, self._settings, principal, now=now)

    def forget(self) -> None:
        """Sign the next one with the key of that moment."""
        self._keys.forget()
