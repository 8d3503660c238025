"""What comes later: a member is handed over to another agent, and one who left comes back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from perisai_kit.domain.month import Month
from sandbox.demo.clients import Actor
from sandbox.demo.journey import Walk, take_on_an_agent, until

CONTRIBUTION_BPS = 1_500
"""What an agent earns of contributions in the first two years. Source: docs/commissions.md."""


@dataclass
class Later:
    """The participants. move_clock: sets the business clock of all services."""

    journey: Walk
    agent: Actor
    move_clock: Callable[[datetime], None]

    def move_to(self, months: int, day: int) -> str:
        """Move the clock to a day so many months after the walk; return the month."""
        month = Month.of(self.journey.today).plus(months)
        first = month.first_day
        self.move_clock(self.journey.at.replace(year=first.year, month=first.month, day=day))
        return str(month)


async def go_on(later: Later) -> None:
    """Walk one hand-over and one return, checking every step."""
    await hand_over(later)
    await come_back(later)


async def hand_over(later: Later) -> None:
    """Plan a hand-over; it changes who sees, who acts and who earns on its first day."""
    journey, report, old = later.journey, later.journey.report, later.agent
    member_id = journey.members[0]
    month = later.move_to(1, 10)
    successor = await take_on_an_agent(journey)
    mine = await successor.get("/v1/me")
    plan = {
        "agent_id": mine["agent_id"],
        "from_date": str(Month.parse(month).plus(1).first_day),
        "reason": "member_asked",
    }
    path = f"/v1/members/{member_id}"
    await _is_known(
        later,
        lambda: journey.cast.officer.call(
            "POST", f"{path}/attributions", json=plan, expect=(201, 409)
        ),
    )
    seen = await old.get(path)
    report.check("the old agent cares until then", seen["agent_id"] != mine["agent_id"])
    hidden = await successor.call("GET", path, expect=(404,))
    report.check(f"the successor: {hidden['code']}", hidden["code"] == "member_not_found")

    month = later.move_to(2, 1)
    hidden = await old.call("GET", path, expect=(404,))
    report.check(f"on the first day the old agent: {hidden['code']}", "code" in hidden)
    await pay(later, successor, member_id, month)
    earned: dict[str, Any] = {}

    async def has_earned() -> bool:
        earned.update(await successor.get("/v1/commission-previews"))
        return bool(earned["line_count"])

    waited = await until(has_earned, wait_s=journey.wait_s)
    wanted = 2 * journey.amount * CONTRIBUTION_BPS // 10_000
    said = f"the successor earns {earned['amount']} after {waited:.1f} s"
    report.check(said, earned["amount"] == wanted)
    report.step("7 a member is handed over")


async def _is_known(later: Later, ask: Callable[[], Any]) -> None:
    """Repeat until member-service has heard of a new agent."""

    async def done() -> bool:
        answer: dict[str, Any] = await ask()
        return answer.get("code") != "agent_unknown"

    waited = await until(done, wait_s=later.journey.wait_s)
    later.journey.report.check(f"planned after {waited:.1f} s", waited < later.journey.wait_s)


async def come_back(later: Later) -> None:
    """Let a member lapse, and return by a payment that registers the member anew."""
    journey, report, agent = later.journey, later.journey.report, later.agent
    member_id = journey.members[1]
    month = later.move_to(4, 5)
    path = f"/v1/members/{member_id}"
    lapsed = await agent.get(f"{path}/coverage")
    report.check(f"after three unpaid months: {lapsed['standing']}", lapsed["standing"] == "lapsed")
    asked = {"member_id": member_id, "first_month": month, "month_count": 1}
    refused = await agent.call(
        "POST",
        "/v1/bills",
        json=asked,
        headers={"Idempotency-Key": f"{member_id}-back"},
        expect=(422,),
    )
    report.check(f"a bill now: {refused['code']}", refused["code"] == "declaration_needed")
    today = str(Month.parse(month).first_day.replace(day=5))
    declaration = {"working": True, "declared_on": today}
    await agent.post(f"{path}/work-declarations", declaration)
    await pay(later, agent, member_id, month, months=1)
    coverage: dict[str, Any] = {}

    async def is_back() -> bool:
        coverage.update(await agent.get(f"{path}/coverage"))
        return bool(coverage["cover"] == "covered")

    waited = await until(is_back, wait_s=journey.wait_s)
    kind = (coverage["registration"] or {}).get("kind")
    report.check(f"covered after {waited:.1f} s, by a {kind}", kind == "return")
    waiting = coverage["waiting_period"]["consecutive_months"]
    report.check(f"{waiting} months towards the full benefit", waiting == 0)
    report.step("8 a member comes back")


async def pay(later: Later, by: Actor, member_id: str, month: str, *, months: int = 2) -> None:
    """Bill a member up to a month, and pay the bill through the bank."""
    first = str(Month.parse(month).plus(1 - months))
    asked = {"member_id": member_id, "first_month": first, "month_count": months}
    bill = await by.post("/v1/bills", asked)
    paid = await later.journey.cast.bank.pay(str(bill["virtual_accounts"][0]["number"]).strip())
    code = paid["calls"][-1]["response_code"]
    later.journey.report.check(f"{bill['amount']} paid: {code}", code == "2002500")
