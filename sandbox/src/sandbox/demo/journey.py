"""The journey: an agent is registered, enrols workers, and they are covered once they pay."""

import asyncio
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sandbox.demo.admission import Office, apply, ensure_wadah_account
from sandbox.demo.clients import Actor
from sandbox.demo.forms import exam_body, training_body, wadah_body
from sandbox.demo.people import member_body, new_adult, new_child
from sandbox.demo.report import Report

WORKERS = 51
PAYING = 50
WAIT_S = 10.0
PAUSE_S, PAUSE_MOST_S = 0.1, 1.0
AT_ONCE = 5


@dataclass(frozen=True, kw_only=True)
class Cast(Office):
    """The participants and clients of a walk."""

    new_actor: Callable[[], Actor]
    finance: Actor
    second_finance: Actor


@dataclass
class Walk:
    """One walk at one month.

    at: the business time of the walk. amount: rupiah for one month of one worker. pays: who is paid
    the agents' incentives by the agreement; None leaves it to the scheme. wait_s: the time for
    events between services. members: those enrolled, the paying ones first. left: ids to go on
    with by hand.
    """

    cast: Cast
    report: Report
    at: datetime
    amount: int
    pays: str | None = None
    wait_s: float = WAIT_S
    members: Sequence[str] = ()
    left: dict[str, str] = field(default_factory=dict)

    @property
    def month(self) -> str:
        return f"{self.at:%Y-%m}"

    @property
    def today(self) -> date:
        return self.at.date()


async def walk(journey: Walk) -> Actor:
    """Walk from the registration of an agent to coverage, checking every step; return the agent."""
    agent = await take_on_an_agent(journey)
    members = await enrol(journey, agent)
    bills = await bill(journey, agent, members)
    journey.members = members
    journey.left |= {
        "a member who paid": members[0],
        "a member who did not pay": members[-1],
        "the bill of that one, as a virtual account": _account(bills[members[-1]]),
    }
    before = await collected(journey)
    await pay(journey, bills)
    await look_at_coverage(journey, agent, members)
    await look_at_the_books(journey, agent, bills, before)
    return agent


async def take_on_an_agent(journey: Walk) -> Actor:
    """Register a member, a fisher, as agent of a new wadah."""
    cast, report = journey.cast, journey.report
    fisher = new_adult(journey.today)
    wadah = await cast.officer.post(
        "/v1/wadahs",
        wadah_body(journey.today, f"Rukun Nelayan {secrets.token_hex(3)}", pays=journey.pays),
    )
    account = await ensure_wadah_account(cast, wadah)
    report.check("the wadah has a verified account", account["status"] == "current")
    journey.left |= {"the agent's telephone": fisher.phone, "the wadah": wadah["id"]}
    member = member_body(fisher, at=journey.at, new_to_bpu=False)
    await cast.officer.post("/v1/members", member)
    account_no = f"{secrets.randbelow(10**10):010d}"
    applicant = cast.new_actor()
    application = await apply(cast, applicant, fisher, wadah_id=wadah["id"], account_no=account_no)
    path = f"/v1/applications/{application['id']}"

    verified = await cast.officer.post(f"{path}/verification", {})
    met = {each["requirement"]: each["outcome"] for each in verified["requirements"]}
    report.check(f"status {verified['status']}", verified["status"] == "verified")
    for requirement in ("membership", "own_account", "phone_and_device"):
        report.check(f"{requirement} met", met.get(requirement) == "met")
    await cast.officer.post(f"{path}/training", training_body(journey.today))
    await cast.officer.post(f"{path}/exam", exam_body(journey.today))
    approved = await cast.second_officer.post(f"{path}/approval", {})
    report.check("approved by another officer", approved["status"] == "active")
    waited = await until(applicant.is_agent, wait_s=journey.wait_s)
    report.check(f"signed in as agent after {waited:.1f} s", waited < journey.wait_s)
    report.step("1 an agent is taken on")
    return applicant


async def enrol(journey: Walk, agent: Actor) -> list[str]:
    """Enrol an offline batch of 53, twice: 51 valid, one repeated NIK, one too young."""
    report = journey.report
    workers = [new_adult(journey.today) for _ in range(WORKERS)]
    people = [*workers, workers[0], new_child(journey.today)]
    rows = [member_body(each, at=journey.at) for each in people]
    batch = {"batch_id": str(uuid.uuid4()), "rows": rows}

    first = await agent.post("/v1/enrolment-batches", batch)
    again = await agent.post("/v1/enrolment-batches", batch)

    report.check(f"{first['accepted']} of {len(rows)} accepted", first["accepted"] == WORKERS)
    codes = [row["code"] for row in first["rows"][WORKERS:]]
    report.check(f"refused: {', '.join(map(str, codes))}", None not in codes and len(codes) == 2)
    report.check("the same batch again changes nothing", first == again)
    report.step("2 a batch of workers is enrolled")
    return [row["member_id"] for row in first["rows"] if row["status"] == "accepted"]


async def bill(journey: Walk, agent: Actor, members: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Quote and bill every member; return the bills by member."""
    bills: dict[str, dict[str, Any]] = {}
    quotes: dict[str, int] = {}

    async def one(member_id: str) -> None:
        asked = {"member_id": member_id, "first_month": journey.month, "month_count": 1}
        quotes[member_id] = (await agent.post("/v1/quotes", asked))["amount"]
        bills[member_id] = await agent.post("/v1/bills", asked)

    await at_once(one, members)
    amounts = {each["amount"] for each in bills.values()} | set(quotes.values())
    sums = {sum(line["amount"] for line in each["lines"]) for each in bills.values()}
    journey.report.check(f"{len(bills)} bills", len(bills) == WORKERS)
    journey.report.check(f"each of {journey.amount}, as quoted", amounts == {journey.amount})
    journey.report.check("every rupiah explained by a line", sums == {journey.amount})
    journey.report.step("3 each is quoted and billed")
    # Bills were issued a few at a time; the order of the members decides who pays.
    return {member_id: bills[member_id] for member_id in members}


async def pay(journey: Walk, bills: dict[str, dict[str, Any]]) -> None:
    """Pay 50 bills through the bank, with repeats, wrong amounts and corrupted signatures."""
    bank, report = journey.cast.bank, journey.report
    thrice, wrong, corrupt, *rest = list(bills.values())[:PAYING]

    repeated = await bank.pay(_account(thrice), mode="repeat", times=3)
    answers = [call["response_code"] for call in repeated["calls"][1:]]
    report.check("one callback three times: 2002500 each", answers == ["2002500"] * 3)
    refused = await bank.pay(_account(wrong), mode="wrong_amount")
    report.check("a wrong amount: 4042513", _last(refused) == "4042513")
    forged = await bank.pay(_account(corrupt), mode="corrupt_signature")
    report.check("a broken signature: 4012500", _last(forged) == "4012500")
    unknown = await bank.inquire(_account(wrong)[:-6] + "999999")
    code = unknown["response_code"]
    report.check(f"an unknown account: {code}", code in {"4042412", "4042411"})

    outcomes: list[str] = []

    async def one(each: dict[str, Any]) -> None:
        outcomes.append(_last(await bank.pay(_account(each))))

    await at_once(one, [wrong, corrupt, *rest])
    report.check(f"{len(outcomes)} more paid", outcomes == ["2002500"] * (PAYING - 1))
    report.step("4 the bank asks and pays")


async def look_at_coverage(journey: Walk, agent: Actor, members: Sequence[str]) -> None:
    """Check that exactly the members who paid are covered."""
    paying, unpaid = members[:PAYING], members[PAYING:]

    waiting = list(paying)

    async def all_covered() -> bool:
        while waiting and await _covered(agent, waiting[-1]):
            waiting.pop()
        return not waiting

    waited = await until(all_covered, wait_s=journey.wait_s)
    journey.report.check(f"{PAYING} covered after {waited:.1f} s", waited < journey.wait_s)
    others = [await _covered(agent, each) for each in unpaid]
    journey.report.check("who did not pay is not covered", others == [False])
    journey.report.step("5 coverage follows the money")


async def _covered(agent: Actor, member_id: str) -> bool:
    found = await agent.get(f"/v1/members/{member_id}/coverage")
    return bool(found["cover"] == "covered")


async def look_at_the_books(
    journey: Walk, agent: Actor, bills: dict[str, dict[str, Any]], before: int
) -> None:
    """Check payments, receipts and the sum in the ledger."""
    report = journey.report
    paid = list(bills.values())[:PAYING]
    counts = [len((await agent.get("/v1/payments", bill_id=each["id"]))["items"]) for each in paid]
    report.check("one payment a bill", counts == [1] * PAYING)
    payment = (await agent.get("/v1/payments", bill_id=paid[0]["id"]))["items"][0]
    receipt = await agent.get(f"/v1/payments/{payment['id']}/receipt")
    total = sum(each["amount"] for each in receipt["programmes"])
    report.check(f"a receipt of {total}", total == receipt["amount"] == journey.amount)
    booked = await collected(journey) - before
    report.check(f"the ledger holds {booked} more", booked == PAYING * journey.amount)
    report.step("  the books agree")


async def collected(journey: Walk) -> int:
    """Return the amount owed to BPJS for the month, as the finance officer."""
    return sum(
        int(each["credits"]) - int(each["debits"])
        for each in await journey.cast.finance.list_all("/v1/ledger/accounts")
        if each["account"].startswith("bpjs_payable:")
        and each["account"].endswith(f":{journey.month}")
    )


async def until(holds: Callable[[], Awaitable[bool]], *, wait_s: float) -> float:
    """Wait until a condition holds; return the seconds, or `wait_s` after the time-out.

    The longer it waits, the less often it asks: what it asks keeps busy what it waits for.
    """
    began, pause_s = time.monotonic(), PAUSE_S
    while (waited := time.monotonic() - began) < wait_s:
        if await holds():
            return time.monotonic() - began
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, PAUSE_MOST_S)
    return waited


async def at_once(run: Callable[[Any], Awaitable[None]], items: Sequence[Any]) -> None:
    """Run for every item, a few at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def gated(item: Any) -> None:
        async with gate:
            await run(item)

    await asyncio.gather(*(gated(item) for item in items))


def _account(bill: dict[str, Any]) -> str:
    return str(bill["virtual_accounts"][0]["number"]).strip()


def _last(paid: dict[str, Any]) -> str:
    return str(paid["calls"][-1]["response_code"])
