"""Access tokens that must not wait for their end: their account was locked or lost a role.

Every process of the gateway asks the table for recent changes every few seconds. A service that
is asked around the gateway believes such a token until it ends, at most ten minutes later.
"""

import base64
import binascii
import json
import uuid
from datetime import timedelta

from gateway.accounts import service as accounts
from gateway.settings import Settings
from perisai_kit import clock
from perisai_kit.auth import Principal
from perisai_kit.db import Database

SLACK = timedelta(minutes=1)


class Revocations:
    """Since when the tokens of some accounts count."""

    def __init__(self, settings: Settings) -> None:
        self._life = timedelta(seconds=settings.access_token_s) + SLACK
        self._valid_from: dict[uuid.UUID, int] = {}

    async def reload(self, database: Database) -> None:
        """Read the recent changes."""
        async with database.read() as session:
            recent = await accounts.list_tokens_valid_from(
                session, since=clock.real_now() - self._life
            )
        self._valid_from = {account_id: int(at.timestamp()) for account_id, at in recent}

    def is_revoked(self, principal: Principal, token: str) -> bool:
        """Tell whether a verified token was given before its account changed.

        `iat` has whole seconds, so a token of the same second is believed.
        """
        valid_from = self._valid_from.get(principal.account_id)
        return valid_from is not None and _issued_at(token) < valid_from


def _issued_at(token: str) -> int:
    # The signature has been verified; only this claim is not part of a Principal.
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return int(claims["iat"])
    except (IndexError, ValueError, KeyError, TypeError, binascii.Error):
        return 0
