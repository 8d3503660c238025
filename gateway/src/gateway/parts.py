"""The gateway's own parts that its routes use, besides the kit."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from gateway.clients.otp_sender import OtpSender
from gateway.keys.service import SigningKeys
from gateway.settings import Settings
from gateway.throttles.service import Throttles
from perisai_kit.db.engine import Database
from perisai_kit.http.client_address import get_client_network
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.client import ServiceClient


@dataclass(frozen=True, slots=True)
class Parts:
    settings: Settings
    database: Database
    keyring: Keyring
    keys: SigningKeys
    sender: OtpSender
    agents: ServiceClient
    members: ServiceClient
    payments: ServiceClient
    throttles: Throttles

    def get_network(self, request: Request) -> str:
        """Return the key under which attempts to sign in are counted."""
        return get_client_network(request.scope, self.settings.trusted_proxies)


# A coroutine, because FastAPI runs other dependencies in a thread.
async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


Gateway = Annotated[Parts, Depends(_parts)]
