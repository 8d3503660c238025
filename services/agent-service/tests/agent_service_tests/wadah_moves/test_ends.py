"""Moves that do not take place: withdrawn, or cancelled by what became of agent or wadah."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from agent_service_tests.wadah_moves.test_routes import (
    APPROVED,
    LAST_MINUTE,
    WHY,
    admin_of,
    another_officer,
    new_move,
    november,
    plan,
    propose,
    read_agent,
    read_move,
)

from perisai_kit.testing.plugin import BusinessTime

if TYPE_CHECKING:
    from agent_service_tests.conftest import World

REJECTED = {"verdict": "rejected", **WHY}
__all__ = ["november"]
"""A fixture of a module of this folder."""


async def test_a_withdrawn_move_does_not_take_place(
    world: World,
    november: BusinessTime,
    events: Callable[[], Any],
    agent: dict[str, Any],
    other: dict[str, Any],
) -> None:
    planned = await plan(world, agent, other)
    path = f"wadah-moves/{planned['id']}/withdrawal"

    by_old = await world.post(path, WHY, by=admin_of(world, agent["wadah_id"]))
    withdrawn = await world.ok(path, WHY, by=admin_of(world, other["id"]))
    november.at(LAST_MINUTE + timedelta(minutes=1))

    assert by_old.status_code == 403
    assert (withdrawn["status"], withdrawn["has_begun"]) == ("withdrawn", False)
    assert (await read_agent(world, agent))["wadah_id"] == agent["wadah_id"]
    kind, data = (await events())[-1]
    assert (kind, data["move_id"], data["reason_code"]) == (
        "agent.wadah_change_cancelled.v1",
        planned["id"],
        "withdrawn",
    )


async def test_a_withdrawn_proposal_publishes_nothing(
    world: World, events: Callable[[], Any], agent: dict[str, Any], other: dict[str, Any]
) -> None:
    proposed = await propose(world, agent, other)
    before = len(await events())

    await world.ok(f"wadah-moves/{proposed['id']}/withdrawal", WHY, by=world.officer)

    assert len(await events()) == before


async def test_a_move_that_has_begun_is_neither_withdrawn_nor_approved(
    world: World, november: BusinessTime, agent: dict[str, Any], other: dict[str, Any]
) -> None:
    late = await world.agent()
    planned, proposed = await plan(world, agent, other), await propose(world, late, other)
    november.at(LAST_MINUTE + timedelta(minutes=1))

    withdrawal = await world.post(f"wadah-moves/{planned['id']}/withdrawal", WHY, by=world.officer)
    path = f"wadah-moves/{proposed['id']}/decision"
    approval = await world.post(path, APPROVED, by=another_officer(world))

    for answer in (withdrawal, approval):
        assert (answer.status_code, answer.json()["code"]) == (409, "wadah_move_begun")
    assert (await world.ok(path, REJECTED, by=world.officer))["status"] == "rejected"


@pytest.mark.parametrize(
    ("act", "reason"), [("suspension", "investigation"), ("dismissal", "resignation")]
)
async def test_a_suspension_or_dismissal_before_the_first_day_cancels_the_move(
    world: World,
    november: BusinessTime,
    events: Callable[[], Any],
    act: str,
    reason: str,
    agent: dict[str, Any],
    other: dict[str, Any],
) -> None:
    planned = await plan(world, agent, other)
    november.at(LAST_MINUTE)

    await world.ok(f"agents/{agent['id']}/{act}", {"reason_code": reason, **WHY}, by=world.officer)

    cancelled = await read_move(world, planned)
    why = {"suspension": "agent_suspended", "dismissal": "agent_dismissed"}[act]
    assert (cancelled["status"], cancelled["reason_code"]) == ("cancelled", why)
    published = {"suspension": "agent.suspended.v1", "dismissal": "agent.dismissed.v1"}[act]
    kinds = [kind for kind, _ in await events()]
    assert kinds[-2:] == ["agent.wadah_change_cancelled.v1", published]
    november.at(LAST_MINUTE + timedelta(minutes=1))
    assert (await read_agent(world, agent))["wadah_id"] == agent["wadah_id"]


async def test_a_reinstated_agent_stays_until_the_move_is_proposed_anew(
    world: World, november: BusinessTime, agent: dict[str, Any], other: dict[str, Any]
) -> None:
    await plan(world, agent, other)
    away = {"reason_code": "investigation", **WHY}
    await world.ok(f"agents/{agent['id']}/suspension", away, by=world.officer)
    path = f"agents/{agent['id']}/wadah-moves"
    while_away = await world.post(path, new_move(other), by=world.officer)
    await world.ok(f"agents/{agent['id']}/reinstatement", WHY, by=world.officer)
    november.at(LAST_MINUTE + timedelta(minutes=1))

    assert (while_away.status_code, while_away.json()["code"]) == (409, "agent_not_at_work")
    assert (await read_agent(world, agent))["wadah_id"] == agent["wadah_id"]
    assert (await propose(world, agent, other, from_date="2027-01-01"))["status"] == "proposed"


async def test_a_dismissal_on_the_first_day_leaves_the_move_as_it_is(
    world: World, november: BusinessTime, agent: dict[str, Any], other: dict[str, Any]
) -> None:
    planned = await plan(world, agent, other)
    november.at(LAST_MINUTE + timedelta(minutes=1))

    body = {"reason_code": "resignation", **WHY}
    gone = await world.ok(f"agents/{agent['id']}/dismissal", body, by=world.officer)

    assert (await read_move(world, planned))["status"] == "approved"
    assert gone["wadah_id"] == other["id"]


async def test_a_reinstatement_after_a_move_names_the_new_wadah(
    world: World,
    november: BusinessTime,
    events: Callable[[], Any],
    agent: dict[str, Any],
    other: dict[str, Any],
) -> None:
    await plan(world, agent, other)
    november.at(LAST_MINUTE + timedelta(minutes=1))
    away = {"reason_code": "investigation", **WHY}
    await world.ok(f"agents/{agent['id']}/suspension", away, by=world.officer)

    await world.ok(f"agents/{agent['id']}/reinstatement", WHY, by=world.officer)

    kind, data = (await events())[-1]
    assert (kind, data["wadah_id"]) == ("agent.reinstated.v1", other["id"])


async def test_the_end_of_the_new_wadah_cancels_the_move(
    world: World, agent: dict[str, Any], other: dict[str, Any]
) -> None:
    planned = await plan(world, agent, other)

    end = {"reason_code": "other", "reason": "Ended."}
    await world.ok(f"wadahs/{other['id']}/termination", end, by=world.admin)

    cancelled = await read_move(world, planned)
    assert (cancelled["status"], cancelled["reason_code"]) == ("cancelled", "wadah_terminated")
