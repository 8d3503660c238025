"""Walk the journey in a running sandbox: once before the relief, once with it."""

import json
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import JAKARTA
from sandbox.demo.clients import Actor, Bank, Watch, open_client
from sandbox.demo.commission import Close, Expected, earn
from sandbox.demo.journey import WAIT_S, Cast, Walk, walk
from sandbox.demo.later import Later, go_on
from sandbox.demo.payouts import PayDay, ThroughWadah, pay_out
from sandbox.demo.report import Report, StepFailed

WALKS = (
    (
        datetime(2025, 11, 3, 9, 0, tzinfo=JAKARTA),
        36_800,
        Expected(agent=1_026_000, wadah=102_600, agent_before_2022=574_200),
        None,
    ),
    (
        datetime(2026, 9, 3, 9, 0, tzinfo=JAKARTA),
        28_400,
        Expected(agent=963_000, wadah=96_300, agent_before_2022=545_850),
        "agents",
    ),
)
"""When, what a worker's month with three programmes costs then, what fifty of them earn, and who is
paid the agents' part by the agreement; None: the wadah, by the scheme.

Both months are over, and so is the one in which the second one is paid and whose tax is remitted:
no sandbox has a month closed that its people live in.

36,800 is the tariff of the lowest band; PP 50/2025 halves JKK and JKM for workers outside transport
from April to December 2026: 28,400. Source: docs/domain.md, Tariffs; docs/commissions.md, Worked
examples.
"""


async def run_demo(
    folder: Path,
    write: Callable[[str], None],
    *,
    watch: Watch | None = None,
    wait_s: float = WAIT_S,
) -> int:
    """Run all walks in the sandbox of this folder; return 0 if every check held.

    The business clock of the sandbox is moved for each walk and then set back to real time.
    watch: gets every answer with its request. wait_s: the time for events between services.
    """
    sandbox: dict[str, Any] = json.loads((folder / "sandbox.json").read_text())
    clock_file = Path(sandbox["clock_file"])
    report = Report(write)
    try:
        async with AsyncExitStack() as stack:
            await _walk_all(sandbox, Walks(report, clock_file, watch, wait_s, stack))
    except StepFailed as error:
        report.check(str(error), False)
        report.step("the journey stopped")
    finally:
        clock.set_test_clock(clock_file, None)
    write("every check held" if not report.failed else f"{len(report.failed)} checks failed")
    return 1 if report.failed else 0


@dataclass(frozen=True, slots=True)
class Walks:
    """What all walks share. stack: keeps the connections of their participants open."""

    report: Report
    clock_file: Path
    watch: Watch | None
    wait_s: float
    stack: AsyncExitStack


async def _walk_all(sandbox: dict[str, Any], walks: Walks) -> None:
    """Walk each journey; the last one ends with the payment of all that is owed."""
    report, through_wadah = walks.report, None
    for at, amount, expected, pays in WALKS:
        clock.set_test_clock(walks.clock_file, at)
        report.say(f"--- {at:%B %Y} ---")
        cast = await _cast(sandbox, walks.stack, walks.watch)
        journey = Walk(cast, report, at, amount, pays, walks.wait_s)
        agent = await walk(journey)
        move_clock = partial(clock.set_test_clock, walks.clock_file)
        is_closed = await earn(Close(journey, agent, expected, move_clock))
        if is_closed and pays is None:
            through_wadah = ThroughWadah(journey.left["the wadah"], agent, expected)
        if at == WALKS[-1][0] and is_closed:
            partner = sandbox["bank_partners"][0]
            await pay_out(PayDay(journey, agent, expected, partner, through_wadah, move_clock))
        if at == WALKS[0][0]:
            await go_on(Later(journey, agent, move_clock))
        for what, value in journey.left.items():
            report.say(f"     to go on with: {what}: {value}")


async def _cast(sandbox: dict[str, Any], stack: AsyncExitStack, watch: Watch | None) -> Cast:
    gateway, bank = [
        await stack.enter_async_context(open_client(sandbox["addresses"][name], watch))
        for name in ("gateway", "fakebank")
    ]

    def new_actor() -> Actor:
        return Actor(gateway, device_id=f"demo-{secrets.token_hex(6)}")

    async def staff(username: str) -> Actor:
        actor = new_actor()
        await actor.sign_in_with_password(username, sandbox["sign_ins"][username]["password"])
        return actor

    return Cast(
        new_actor=new_actor,
        officer=await staff("officer1"),
        second_officer=await staff("officer2"),
        finance=await staff("finance1"),
        second_finance=await staff("finance2"),
        bank=Bank(bank),
        bank_code=sandbox["bank_partners"][0]["bank_code"],
    )
