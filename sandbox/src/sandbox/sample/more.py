"""More members for a sandbox that runs, enrolled and billed today; business time stays as it is."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month
from sandbox.demo.clients import Actor
from sandbox.demo.people import new_adult
from sandbox.demo.report import StepFailed
from sandbox.errors import SandboxError
from sandbox.sample.make import Progress, Stage, open_desk
from sandbox.sample.offices import ATTEMPTS
from sandbox.sample.payers import Existing, Payers
from sandbox.sample.plan import History, PlannedMember, paid, unpaid

KINDS: tuple[tuple[str, History], ...] = (
    ("paid this month", History("active", 0, (paid(0),))),
    ("paid three months", History("active", 0, (paid(0, 3),))),
    ("with an open bill", History("registered_unpaid", 0, (unpaid(0),))),
    ("without a bill", History("registered_unpaid", 0)),
)
"""What becomes of new members, in turn."""


async def add_members(
    described: Mapping[str, Any], count: int, *, write: Callable[[str], None]
) -> Iterator[str]:
    """Enrol `count` new people at the agents of the sandbox; return lines that say what was made.

    described: what sandbox.json says. write: takes a line of progress.
    Raises: SandboxError with the request that was refused.
    """
    sign_ins = described["sign_ins"]
    phones = [each["phone"] for each in sign_ins.values() if each["role"] == "agent"]
    try:
        async with open_desk(_stage(described)) as desk:
            at = datetime.fromisoformat((await desk.officer.get("/v1/server-time"))["now"])
            at = at.astimezone(JAKARTA)
            members = _new_members(count, desks=len(phones), today=at.date())
            bills = [(each, bill) for each in members for bill in each.history.bills]
            progress = Progress(len(members) + len(bills), write, "new members and bills")
            payers = Payers(desk.bank, desk.officer, Existing(), progress)
            payers.agents = [
                Actor(desk.gateway, device_id="sandbox-seed", attempts=ATTEMPTS) for _ in phones
            ]
            await asyncio.gather(
                *(
                    agent.sign_in_by_phone(phone)
                    for agent, phone in zip(payers.agents, phones, strict=True)
                )
            )
            await payers.enrol(members, at=at)
            await payers.bill(bills, present=Month.of(at.date()), today=at.date())
    except StepFailed as error:
        raise SandboxError(f"No more members could be made: {error}.") from None
    return _report(members)


def _stage(described: Mapping[str, Any]) -> Stage:
    return Stage(
        gateway_url=described["addresses"]["gateway"],
        bank_url=described["addresses"]["fakebank"],
        bank_code=described["bank_partners"][0]["bank_code"],
        clock_file=Path(described["clock_file"]),
        passwords={
            name: each["password"]
            for name, each in described["sign_ins"].items()
            if "password" in each
        },
    )


def _new_members(count: int, *, desks: int, today: date) -> list[PlannedMember]:
    kinds = cycle(history for _, history in KINDS)
    return [
        PlannedMember(str(uuid.uuid4()), new_adult(today), place % desks, next(kinds))
        for place in range(count)
    ]


def _report(members: list[PlannedMember]) -> Iterator[str]:
    counts = Counter(each.history for each in members)
    yield f"{len(members)} new members of the sandbox's agents:"
    for kind, history in KINDS:
        if counts[history]:
            phone = next(each.person.phone for each in members if each.history == history)
            yield f"  {counts[history]:>4} {kind}, one of them with the telephone {phone}"
