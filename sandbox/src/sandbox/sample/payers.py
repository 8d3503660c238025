"""The members of the sample data: enrolled, billed, and paying at the sandbox's bank."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from perisai_kit.domain.month import Month
from sandbox.demo.clients import Actor, Bank
from sandbox.demo.people import member_body
from sandbox.demo.report import StepFailed
from sandbox.sample.plan import OFFICER, Outcome, PlannedBill, PlannedMember

AT_ONCE = 12
"""Four requests of each of three agents, which is what the gateway lets one account have."""
PAY_ATTEMPTS = 3
BATCH = 200
"""What one batch may hold."""
WORK = (
    (["fisher"], 1_000_000),
    (["farmer"], 1_000_000),
    (["market_trader"], 1_500_000),
    (["ride_hailing_rider"], 2_000_000),
    (["construction_worker"], 1_200_000),
    (["farm_worker", "street_vendor"], 1_000_000),
)
"""Occupations and declared incomes, in rupiah a month, that the members have in turn."""
VILLAGES = ("Lateng", "Kepatihan", "Temenggungan", "Singotrunan", "Tukangkayu")


@dataclass
class Existing:
    """What is there already: ids of members, and bills by member and first month."""

    members: set[str] = field(default_factory=set)
    bills: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


async def find_existing(officer: Actor) -> Existing:
    """Read what the branch has, page by page."""
    members = await officer.list_all("/v1/members")
    bills = await officer.list_all("/v1/bills")
    return Existing(
        {each["id"] for each in members},
        # The latest comes first, and an earlier one of the same months has ended.
        {(each["member_id"], each["first_month"]): each for each in reversed(bills)},
    )


@dataclass
class Payers:
    """Makes what is missing of members and their bills.

    agents: by their place in the plan. progress: called after each thing that is there.
    """

    bank: Bank
    officer: Actor
    existing: Existing
    progress: Callable[[], None]
    agents: list[Actor] = field(default_factory=list)

    def at_desk(self, desk: int) -> Actor:
        """Return who enrols and bills: the officer, or an agent."""
        return self.officer if desk == OFFICER else self.agents[desk]

    async def enrol(self, members: Sequence[PlannedMember], *, at: datetime) -> None:
        """Enrol everybody at their desks, in batches."""
        missing = [each for each in members if each.id not in self.existing.members]
        for _ in range(len(members) - len(missing)):
            self.progress()
        desks = {each.desk for each in missing}
        rows = {desk: [each for each in missing if each.desk == desk] for desk in desks}
        await asyncio.gather(
            *(
                self._enrol_batch(desk, of_desk[start : start + BATCH], at)
                for desk, of_desk in rows.items()
                for start in range(0, len(of_desk), BATCH)
            )
        )

    async def _enrol_batch(self, desk: int, members: Sequence[PlannedMember], at: datetime) -> None:
        rows = [_row(each, at=at) for each in members]
        batch = {"batch_id": str(uuid.uuid4()), "rows": rows}
        answer = await self.at_desk(desk).post("/v1/enrolment-batches", batch)
        refused = sorted({row["code"] for row in answer["rows"] if row["status"] != "accepted"})
        if refused:
            raise StepFailed(f"members were refused: {', '.join(refused)}")
        for _ in members:
            self.progress()

    async def bill(
        self, asked: Sequence[tuple[PlannedMember, PlannedBill]], *, present: Month, today: date
    ) -> None:
        """Issue the bills and do with each what is planned.

        present: the month of the plan. today: the day of the sandbox's clock.
        """
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(member: PlannedMember, bill: PlannedBill) -> None:
            async with gate:
                if bill.declared:
                    await self._declare(member, today)
                await self._bill_member(member, bill, present.plus(-bill.first))
            self.progress()

        await asyncio.gather(*(one(member, bill) for member, bill in asked))

    async def _declare(self, member: PlannedMember, today: date) -> None:
        """Declare that the member works; the same day again changes nothing."""
        declaration_id = uuid.uuid5(uuid.UUID(member.id), str(today))
        declared = {"id": str(declaration_id), "working": True, "declared_on": str(today)}
        await self.at_desk(member.desk).post(f"/v1/members/{member.id}/work-declarations", declared)

    async def _bill_member(self, member: PlannedMember, planned: PlannedBill, first: Month) -> None:
        actor = self.at_desk(member.desk)
        found = self.existing.bills.get((member.id, str(first)))
        if found is None:
            asked = {
                "member_id": member.id,
                "first_month": str(first),
                "month_count": planned.count,
            }
            found = await actor.post("/v1/bills", asked)
        if found["status"] != "open":
            return
        match planned.outcome:
            case Outcome.PAID:
                if "virtual_accounts" not in found:
                    found = await actor.get(f"/v1/bills/{found['id']}")
                await self._pay(member, found)
            case Outcome.VOID:
                reason = {"reason": "member_request"}
                await actor.post(f"/v1/bills/{found['id']}/cancellation", reason)
            case Outcome.UNPAID:
                pass

    async def _pay(self, member: PlannedMember, bill: dict[str, Any]) -> None:
        """Pay at one of the banks, which asks first in one case of four."""
        turn = uuid.UUID(member.id).int
        accounts = bill["virtual_accounts"]
        number = accounts[turn % len(accounts)]["number"].strip()
        for _ in range(PAY_ATTEMPTS):
            paid = await self.bank.pay(number, amount=bill["amount"], inquire=turn // 4 % 4 == 0)
            if paid["outcome"] == "paid":
                return
            # On a busy machine the bank may have waited too long for an answer that was given.
            now = await self.officer.get(f"/v1/bills/{bill['id']}")
            if now["status"] == "paid":
                return
        raise StepFailed(f"a bill was not paid: {paid['outcome']}")


def _row(member: PlannedMember, *, at: datetime) -> dict[str, Any]:
    turn = uuid.UUID(member.id).int
    occupations, income = WORK[turn % len(WORK)]
    address = {
        "street": f"Jalan Ikan Hiu {1 + turn % 90}",
        "village": VILLAGES[turn % len(VILLAGES)],
        "district": "Banyuwangi",
    }
    return {
        **member_body(member.person, at=at, new_to_bpu=member.desk != OFFICER),
        "id": member.id,
        "occupations": occupations,
        "declared_income": income,
        "address": address,
    }
