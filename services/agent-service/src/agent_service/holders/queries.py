from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_
from sqlalchemy.orm import InstrumentedAttribute

from agent_service.agents import queries as agents
from agent_service.agents.models import Agent
from agent_service.wadahs import queries as wadahs
from agent_service.wadahs.models import Wadah
from perisai_kit.auth.principal import Principal


def is_visible_to(
    principal: Principal, holder_id: InstrumentedAttribute[UUID]
) -> ColumnElement[bool]:
    """Return the condition of rows whose holder a subject sees.

    Agents see their own, administrators their wadah's and its agents', offices their scope.
    """
    seen: list[Any] = [
        exists().where(Agent.id == holder_id, agents.is_visible_to(principal)),
        exists().where(Wadah.id == holder_id, wadahs.is_managed_by(principal)),
    ]
    return or_(*seen)
