"""The parts of a service that its routes and its background work use."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.auth.principal import Principal
from perisai_kit.auth.tokens import Authenticator
from perisai_kit.db.engine import Database
from perisai_kit.db.partitions.tables import KIT_TABLES, PartitionedTable
from perisai_kit.events.signals import Signals
from perisai_kit.events.subscription import Subscription
from perisai_kit.http.visibility import VisibilityCheck
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.settings import ServiceSettings
from perisai_kit.services.client import ServiceClient, TokenSource

Background = Callable[[], Coroutine[Any, Any, None]]
"""Runs from the start of an app until it stops."""

PersonCheck = Callable[[AsyncSession, Principal, UUID], Awaitable[bool]]


async def _see_nobody(session: AsyncSession, principal: Principal, person_id: UUID) -> bool:
    return False


@dataclass(slots=True)
class Kit:
    """The parts of a service, at `request.app.state.kit`."""

    settings: ServiceSettings
    database: Database
    keyring: Keyring
    authenticator: Authenticator
    tokens: TokenSource
    signals: Signals
    http_transport: httpx.AsyncBaseTransport | None
    subscriptions: list[Subscription]
    migrations: Path
    visibility_checks: dict[str, VisibilityCheck] = field(default_factory=dict)
    """By kind, the rule that decides who may see a stored answer: http/visibility.py."""
    may_see_person: PersonCheck = _see_nobody
    """Whether an auditor without country scope may see a person of this service, by any id."""
    partitioned: Sequence[PartitionedTable] = KIT_TABLES
    background: list[Background] = field(default_factory=list)
    on_close: list[Callable[[], Any]] = field(default_factory=list)
    """The background tasks of the kit's parts, and their clean-up."""

    def client(self, base_url: str) -> ServiceClient:
        """Return a client for another service, with this service's own token."""
        return ServiceClient(
            base_url,
            self.tokens,
            timeout_s=self.settings.service_timeout_s,
            transport=self.http_transport,
        )
