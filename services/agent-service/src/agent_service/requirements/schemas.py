from typing import Annotated
from uuid import UUID

from pydantic import Field

from agent_service.requirements.rules import RequirementOutcome
from perisai_kit.http.types import Instant, Out


class RequirementFindingOut(Out):
    """A finding on a requirement. `unknown`: no answer came yet; verify again."""

    requirement: Annotated[str, Field(description="Which requirement.")]
    outcome: Annotated[RequirementOutcome, Field(description="Whether it is met.")]
    reason_code: Annotated[str | None, Field(description="Why it is not met or not known.")]


class RequirementCheckOut(RequirementFindingOut):
    checked_at: Annotated[Instant, Field(description="When it was checked.")]
    checked_by: Annotated[UUID, Field(description="Account that checked it.")]
