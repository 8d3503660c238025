from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.requirements import service
from agent_service.requirements.rules import Finding, RequirementOutcome
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id

if TYPE_CHECKING:
    from agent_service_tests.conftest import World

MET = Finding("own_account", RequirementOutcome.MET)
UNMET = Finding("own_account", RequirementOutcome.UNMET, "account_of_another")
UNKNOWN = Finding("own_account", RequirementOutcome.UNKNOWN, "no_answer")


async def own_account(session: AsyncSession, application_id: UUID, *recorded: Finding) -> Finding:
    for finding in recorded:
        await service.record(session, application_id, [finding], by_id=new_id())
    (found,) = await service.list_findings(session, application_id, required=["own_account"])
    return found


@pytest.mark.parametrize(
    ("recorded", "stands"),
    [
        ([], Finding("own_account", RequirementOutcome.UNKNOWN, "not_checked")),
        ([UNKNOWN], UNKNOWN),
        ([UNKNOWN, MET], MET),
        ([MET, UNKNOWN], MET),
        ([MET, UNMET], UNMET),
        ([UNMET, UNKNOWN, MET, UNKNOWN, UNKNOWN], MET),
    ],
)
async def test_the_latest_real_answer_counts(
    world: World, database: Database, recorded: list[Finding], stands: Finding
) -> None:
    application = await world.apply()

    async with database.begin() as session:
        found = await own_account(session, UUID(application["id"]), *recorded)

    assert found == stands


async def test_every_check_stays_on_record(world: World, database: Database) -> None:
    application = await world.apply()
    application_id = UUID(application["id"])

    async with database.begin() as session:
        await own_account(session, application_id, UNMET, UNKNOWN, MET)
        evidence = await service.load_evidence(session, application_id)

    assert [each.outcome for each in evidence.checks if each.requirement == "own_account"] == [
        "met",
        "unknown",
        "unmet",
    ]
