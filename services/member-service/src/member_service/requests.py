"""Dependencies of the routes of several features."""

from typing import Annotated

from fastapi import Depends, Request

from member_service.members.rules import Limits
from member_service.registrations.rules import Terms
from member_service.settings import Settings
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.db.engine import Database
from perisai_kit.http.problems import choose_language


def get_settings(request: Request) -> Settings:
    """Return the settings of the service that the request is for."""
    settings = request.app.state.kit.settings
    assert isinstance(settings, Settings)
    return settings


async def _get_settings(request: Request) -> Settings:
    return get_settings(request)


async def _limits(request: Request) -> Limits:
    return get_settings(request).limits


async def _terms(request: Request) -> Terms:
    return get_settings(request).terms


async def _database(request: Request) -> Database:
    database: Database = request.app.state.kit.database
    return database


LimitsOf = Annotated[Limits, Depends(_limits)]
TermsOf = Annotated[Terms, Depends(_terms)]
Language = Annotated[str, Depends(choose_language)]
SettingsOf = Annotated[Settings, Depends(_get_settings)]
WholeDatabase = Annotated[Database, Depends(_database)]
"""For a route that calls another service between two short transactions."""

READERS = (
    Role.MEMBER,
    Role.AGENT,
    Role.WADAH_ADMIN,
    Role.BRANCH_OFFICER,
    Role.FINANCE_OFFICER,
    Role.AUDITOR,
    Role.ADMIN,
)
Reader = Annotated[Principal, Depends(require(*READERS))]
OwnMember = Annotated[Principal, Depends(require(Role.MEMBER))]
"""A route about the reader's own membership."""
Keeper = Annotated[Principal, Depends(require(Role.AGENT, Role.BRANCH_OFFICER, Role.ADMIN))]
KeeperOrMember = Annotated[
    Principal, Depends(require(Role.AGENT, Role.BRANCH_OFFICER, Role.ADMIN, Role.MEMBER))
]
Officer = Annotated[Principal, Depends(require(Role.BRANCH_OFFICER, Role.ADMIN))]
