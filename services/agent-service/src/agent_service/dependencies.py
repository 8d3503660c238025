"""Dependencies of routes besides the session."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request

from agent_service.scopes import OFFICES
from agent_service.settings import Settings
from perisai_kit.auth.principal import Principal, Role, ScopeKind
from perisai_kit.auth.roles import require
from perisai_kit.db.engine import Database
from perisai_kit.services.client import ServiceClient

SignedIn = Annotated[Principal, Depends(require())]
Officer = Annotated[Principal, Depends(require(Role.BRANCH_OFFICER))]
"""Decides within their scope."""
Staff = Annotated[Principal, Depends(require(Role.ADMIN, Role.BRANCH_OFFICER))]
"""Sets up wadahs at the branches of their scope."""
CountryStaff = Annotated[
    Principal, Depends(require(Role.ADMIN, Role.BRANCH_OFFICER, scope=ScopeKind.COUNTRY))
]
"""Sets up branches."""
Partner = Annotated[Principal, Depends(require(*OFFICES, Role.WADAH_ADMIN))]
"""An office or a wadah's own administrator."""
Identifier = Annotated[Principal, Depends(require(Role.BRANCH_OFFICER, Role.FINANCE_OFFICER))]
"""Sees unmasked identities within their scope."""
HolderReader = Annotated[Principal, Depends(require(*OFFICES, Role.WADAH_ADMIN, Role.AGENT))]
"""Sees bank accounts and tax identities of their own, or of their scope."""
Proposer = Annotated[Principal, Depends(require(Role.BRANCH_OFFICER, Role.WADAH_ADMIN, Role.AGENT))]
"""Proposes a change for themselves, their wadah, or one in their scope."""
MoveProposer = Annotated[Principal, Depends(require(Role.BRANCH_OFFICER, Role.WADAH_ADMIN))]
"""Proposes or withdraws the move of an agent in their scope, or to their wadah."""
TheAgent = Annotated[Principal, Depends(require(Role.AGENT))]
"""An agent, for what is their own."""
Service = Annotated[Principal, Depends(require(Role.SERVICE))]
"""Another service, with its own token."""
BranchCode = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$", description="Code of the branch.")
]


@dataclass(frozen=True, slots=True)
class Others:
    """Clients of the services that this one calls."""

    members: ServiceClient
    payments: ServiceClient


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.kit.settings
    return settings


async def _database(request: Request) -> Database:
    database: Database = request.app.state.kit.database
    return database


async def _others(request: Request) -> Others:
    others: Others = request.app.state.others
    return others


Configured = Annotated[Settings, Depends(_settings)]
WholeDatabase = Annotated[Database, Depends(_database)]
"""For the route that calls other services between two short transactions."""
Asks = Annotated[Others, Depends(_others)]
