"""Events about an incentive of one agent and their wadah, and what the gateway does with them."""

import uuid
from typing import Any

from gateway.incentive_notices import tasks
from gateway.incentive_notices.service import IncentiveEvent
from gateway.people import tasks as people
from perisai_kit.auth.principal import Role
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import (
    AgentActivated,
    PayoutPaid,
    PayoutPaidForAgent,
    PayoutReturned,
    PayoutReturnedForAgent,
    StatementIssued,
)

AGENT, WADAH = new_id(), new_id()
PHONE, MAIL = "+6281234567890", "admin@wadah.example.org"
NOVEMBER = Month(2026, 11)


def issued(
    *, amount: int = 450_000, is_held: bool = False, payable: int | None = None, **more: Any
) -> StatementIssued:
    values: dict[str, Any] = {
        "statement_id": new_id(),
        "beneficiary_kind": "agent",
        "beneficiary_id": AGENT,
        "wadah_id": WADAH,
        "month": NOVEMBER,
        "amount": amount,
        "payable": max(amount, 0) if payable is None else payable,
        "is_held": is_held,
        "issued_at": clock.now(),
        **more,
    }
    return StatementIssued(**values)


def of_wadah(**more: Any) -> StatementIssued:
    return issued(beneficiary_kind="wadah", beneficiary_id=WADAH, **more)


def paid(**more: Any) -> PayoutPaid:
    values: dict[str, Any] = {
        "payout_id": new_id(),
        "run_id": new_id(),
        "payee_kind": "agent",
        "payee_id": AGENT,
        "month": NOVEMBER,
        "amount": 438_750,
        "statement_count": 1,
        **more,
    }
    return PayoutPaid(**values)


def returned(payout: PayoutPaid) -> PayoutReturned:
    return PayoutReturned(**payout.model_dump(), reason_code="account_closed")


def paid_for_agent(**more: Any) -> PayoutPaidForAgent:
    values: dict[str, Any] = {
        "payout_id": new_id(),
        "agent_id": AGENT,
        "wadah_id": WADAH,
        "month": NOVEMBER,
        "amount": 438_750,
        **more,
    }
    return PayoutPaidForAgent(**values)


def returned_for_agent(part: PayoutPaidForAgent) -> PayoutReturnedForAgent:
    return PayoutReturnedForAgent(**part.model_dump())


async def tell(gateway: Any, *events: IncentiveEvent) -> None:
    async with gateway.parts.database.begin() as session:
        await tasks.on_incentives_changed(session, events)


async def list_own(gateway: Any, account_id: uuid.UUID, **headers: str) -> list[dict[str, Any]]:
    own = await gateway.signed_in(Role.AGENT, account_id=account_id)
    read = await gateway.client.get("/v1/me/notices", headers={**own, **headers})
    items: list[dict[str, Any]] = read.json()["items"]
    return items


async def appoint(gateway: Any, account_id: uuid.UUID, agent_id: uuid.UUID = AGENT) -> None:
    event = AgentActivated(
        agent_id=agent_id,
        account_id=account_id,
        member_id=new_id(),
        wadah_id=WADAH,
        branch_code="banyuwangi",
        region_code="jatim",
        agent_code="A-1",
        decided_at=clock.now(),
    )
    async with gateway.parts.database.begin() as session:
        await people.on_agents_decided(session, [event])
