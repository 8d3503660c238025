"""What comes later: a hand-over, a lapse with its warning, a return, and an idle agent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from perisai_kit.domain.month import Month
from sandbox.demo.clients import Actor
from sandbox.demo.journey import PAYING, Walk, take_on_an_agent, until

CONTRIBUTION_BPS = 1_500
"""What an agent earns of contributions in the first two years. Source: docs/commissions.md."""

IDLE_AFTER, REINSTATED_AFTER = 6, 6
"""Months from the walk to a day on which the successor was idle for three full months, and from
there to a reinstatement. Source: docs/domain.md, Deactivation."""


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
    """Walk one hand-over, one lapse, one return and one suspension, checking every step."""
    successor = await hand_over(later)
    await warn(later)
    await come_back(later)
    await suspend_the_idle(later, successor)


async def hand_over(later: Later) -> Actor:
    """Plan a hand-over; it changes who sees, who acts and who earns on its first day.

    Return the successor.
    """
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
        lambda: journey.cast.officer.post(f"{path}/attributions", plan, expect=(201, 409)),
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
    return successor


async def _is_known(later: Later, ask: Callable[[], Any]) -> None:
    """Repeat until member-service has heard of a new agent."""

    async def done() -> bool:
        answer: dict[str, Any] = await ask()
        return answer.get("code") != "agent_unknown"

    waited = await until(done, wait_s=later.journey.wait_s)
    later.journey.report.check(f"planned after {waited:.1f} s", waited < later.journey.wait_s)


async def warn(later: Later) -> None:
    """Before the lapse, check the agent's list of members about to lapse, and what they owe."""
    journey, report, agent = later.journey, later.journey.report, later.agent
    member_id = journey.members[1]
    month = Month.parse(later.move_to(3, 20))
    ends_on = month.plus(1).first_day
    asked: dict[str, str | int] = {
        "lapses_before": str(ends_on + timedelta(days=1)),
        "unpaid_months_min": 3,
        "limit": 200,
    }
    listed = {each["id"]: each for each in (await agent.get("/v1/members", **asked))["items"]}
    days = {each["lapses_on"] for each in listed.values()}
    is_right = days == {str(ends_on)} and set(listed) == set(journey.members[1:PAYING])
    report.check(f"{len(listed)} lapse on {ends_on}, by the agent's list", is_right)
    unpaid = [str(month.plus(-each)) for each in (2, 1, 0)]
    coverage = await agent.get(f"/v1/members/{member_id}/coverage")
    standing = coverage["standing"]
    report.check(f"one of them: {standing}, {len(unpaid)} months due", standing == "grace")
    report.check(f"due are {', '.join(unpaid)}", coverage["unpaid_months"] == unpaid)
    quoted = {"member_id": member_id, "first_month": unpaid[0], "month_count": len(unpaid)}
    amount = (await agent.post("/v1/quotes", quoted))["amount"]
    report.check(f"{amount} would keep the membership", amount == 3 * journey.amount)


async def come_back(later: Later) -> None:
    """Let a member lapse, and return by a payment that registers the member anew."""
    journey, report, agent = later.journey, later.journey.report, later.agent
    member_id = journey.members[1]
    month = later.move_to(4, 5)
    path = f"/v1/members/{member_id}"
    lapsed = await agent.get(f"{path}/coverage")
    report.check(f"after three unpaid months: {lapsed['standing']}", lapsed["standing"] == "lapsed")
    asked = {"member_id": member_id, "first_month": month, "month_count": 1}
    refused = await agent.post("/v1/bills", asked, expect=(422,))
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
    report.step("8 a member is warned, lapses and comes back")


async def suspend_the_idle(later: Later, idle: Actor) -> None:
    """After three months without a new member or a payment, an officer suspends the agent."""
    report, officer = later.journey.report, later.journey.cast.officer
    agent_id = (await idle.get("/v1/me"))["agent_id"]
    month = Month.parse(later.move_to(IDLE_AFTER, 5))
    verdict = (await officer.get(f"/v1/agents/{agent_id}/activity"))["verdict"]
    window = [str(month.plus(-each)) for each in (3, 2, 1)]
    said = f"idle from {window[0]} to {window[-1]}"
    report.check(said, verdict["inactive"] and verdict["window"] == window)
    other = (await later.agent.get("/v1/me"))["agent_id"]
    at_work = await officer.get(f"/v1/agents/{other}/activity")
    report.check("the other agent is not", not at_work["verdict"]["inactive"])
    path, member = f"/v1/agents/{agent_id}", f"/v1/members/{later.journey.members[0]}"
    seen = await idle.get(member)
    report.check("the agent sees a member", seen["agent_id"] == agent_id)
    body = {"reason_code": "inactivity", "reason": "Three months without a member or a payment."}
    suspended = await officer.post(f"{path}/suspension", body)
    until_day = suspended["reinstatement_not_before"]
    wanted = str(month.plus(REINSTATED_AFTER).first_day.replace(day=5))
    said = f"{suspended['status']}, not before {until_day} an agent again"
    report.check(said, suspended["status"] == "suspended" and until_day == wanted)
    asked = {"reason": "Asked for it."}
    refused = await officer.post(f"{path}/reinstatement", asked, expect=(409,))
    report.check(f"before that: {refused['code']}", refused["code"] == "reinstatement_too_early")
    waited = await until(lambda: _is_locked_out(idle, member), wait_s=later.journey.wait_s)
    report.check(f"the agent is locked out after {waited:.1f} s", waited < later.journey.wait_s)
    kept = await officer.get(member)
    report.check("the member stays with the agent", kept["agent_id"] == agent_id)
    report.step("8 an idle agent is suspended")


async def _is_locked_out(agent: Actor, member: str) -> bool:
    answer = await agent.call("GET", member, expect=(200, 401))
    return bool(answer.get("code") == "token_invalid")


async def pay(later: Later, by: Actor, member_id: str, month: str, *, months: int = 2) -> None:
    """Bill a member up to a month, and pay the bill through the bank."""
    first = str(Month.parse(month).plus(1 - months))
    asked = {"member_id": member_id, "first_month": first, "month_count": months}
    bill = await by.post("/v1/bills", asked)
    paid = await later.journey.cast.bank.pay(str(bill["virtual_accounts"][0]["number"]).strip())
    code = paid["calls"][-1]["response_code"]
    later.journey.report.check(f"{bill['amount']} paid: {code}", code == "2002500")
