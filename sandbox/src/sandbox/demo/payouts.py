"""The last step: the incentives are paid, through a bank that fails to answer once.

One agent is paid directly, by the agreement; another through the wadah, by the scheme. The tax that
was withheld is remitted after the month.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from perisai_kit.domain.month import Month
from sandbox.demo.admission import wadah_account_no
from sandbox.demo.clients import Actor
from sandbox.demo.commission import CLOSE_S, Expected
from sandbox.demo.journey import Walk, until
from sandbox.demo.report import StepFailed
from sandbox.demo.taxes import (
    Remittance,
    look_at_the_statements,
    look_at_the_taxes,
    release_taxes,
)

TAX_BPS = 300
"""Of a gross up to 120 million: half of it, by 5 %, by 120 % as long as no NPWP is known.

Source: docs/tax.md.
"""
FUNDS = 1_000_000_000
PREPARE_S = 40.0
"""The worker looks for runs to prepare, and to release, every ten seconds."""
SEND_S = 120.0
"""A bank that does not answer is given up after ten seconds, and asked again within minutes."""


@dataclass
class ThroughWadah:
    """An earlier walk, by whose scheme the wadah is paid for its agent."""

    wadah_id: str
    agent: Actor
    expected: Expected


@dataclass
class PayDay:
    """The participants of the payment, and what the two payees of the month earned.

    partner: the bank that pays, as sandbox.json has it. through_wadah: whom it pays as well; None:
    that month was closed and paid before. move_clock: sets the business clock of all services.
    """

    journey: Walk
    agent: Actor
    expected: Expected
    partner: dict[str, Any]
    through_wadah: ThroughWadah | None
    move_clock: Callable[[datetime], None]

    @property
    def proposer(self) -> Actor:
        return self.journey.cast.finance

    @property
    def approver(self) -> Actor:
        return self.journey.cast.second_finance


async def pay_out(day: PayDay) -> None:
    """Pay the agent and the wadah, each once, and check every rupiah."""
    wadah_id = day.journey.left["the wadah"]
    agent_id = (await day.agent.get("/v1/me"))["agent_id"]
    await day.journey.cast.bank.plan_transfer(
        delivery="silence", beneficiary_account_no=wadah_account_no(wadah_id)
    )
    account_id = await open_account(day)
    run = await agree(day, account_id)
    paid = {
        payee_id: await look_at_payout(day, run["id"], payee_id, gross=gross)
        for payee_id, gross in (
            (agent_id, day.expected.agent),
            (wadah_id, day.expected.wadah),
        )
    }
    await look_at_the_bank(day, paid[agent_id], paid[wadah_id])
    if day.through_wadah is not None:
        await look_at_confirmation(day, day.through_wadah, run["id"])
    remittance = move_to_next_month(day, account_id, withheld=run["figures"]["tax"])
    remitted = await release_taxes(remittance)
    await look_at_the_books(day, paid)
    await look_at_the_taxes(remittance, remitted, wait_s=day.journey.wait_s + SEND_S)
    await look_at_the_statements(day.journey.report, day.proposer, paid)
    day.journey.report.step("7 the incentives are paid, and their tax is remitted")


def move_to_next_month(day: PayDay, account_id: str, *, withheld: int) -> Remittance:
    """Move the clock past the month of the payments, whose tax can be remitted then."""
    journey = day.journey
    month = Month.of(journey.today).plus(1)
    first = month.plus(1).first_day
    day.move_clock(journey.at.replace(year=first.year, month=first.month))
    return Remittance(
        report=journey.report,
        bank=journey.cast.bank,
        proposer=day.proposer,
        approver=day.approver,
        month=month,
        account_id=account_id,
        withheld=withheld,
    )


async def open_account(day: PayDay) -> str:
    """Register an account of ours with money on it; another officer activates it."""
    account_no = f"{secrets.randbelow(10**10):010d}"
    await day.journey.cast.bank.open_paying_account(account_no, balance=FUNDS)
    account = await day.proposer.post(
        "/v1/payout-accounts",
        {
            "name": "Rekening operasional",
            "bank_code": day.partner["bank_code"],
            "channel": "snap",
            "account_no": account_no,
            "bank_partner_id": day.partner["partner_id"],
        },
    )
    path = f"/v1/payout-accounts/{account['id']}/activation"
    active = await day.approver.post(path, headers={"If-Match": '"1"'})
    day.journey.report.check(
        "an account to pay from, by two officers", active["status"] == "active"
    )
    return str(active["id"])


async def agree(day: PayDay, account_id: str) -> dict[str, Any]:
    """Let one officer propose a run, and another approve and release it."""
    report = day.journey.report
    asked = {"through_month": day.journey.month, "payout_account_id": account_id}
    run: dict[str, Any] = await day.proposer.post("/v1/payout-runs", asked)
    path = f"/v1/payout-runs/{run['id']}"

    async def is_prepared() -> bool:
        run.update(await day.proposer.get(path))
        return bool(run["status"] == "proposed")

    waited = await until(is_prepared, wait_s=day.journey.wait_s + PREPARE_S)
    figures = run["figures"] or {}
    said = f"{figures.get('payout_count')} payouts of {figures.get('amount')} proposed"
    report.check(f"{said} after {waited:.1f} s", run["status"] == "proposed")
    left = figures.get("gross", 0) - figures.get("tax", 0)
    report.check(f"{figures.get('tax')} of tax", left == figures.get("amount"))
    decision = {"verdict": "approved"}
    own = await day.proposer.post(f"{path}/decision", decision, expect=(403,))
    report.check(f"one's own proposal: {own['code']}", own["code"] == "own_payout_run")
    approved = await day.approver.post(f"{path}/decision", decision)
    released = await day.approver.post(f"{path}/release")
    states = (approved["status"], released["status"])
    report.check("approved and released by another officer", states == ("approved", "released"))
    return run


async def look_at_payout(day: PayDay, run_id: str, payee_id: str, *, gross: int) -> dict[str, Any]:
    """Wait until a payee is paid, and check the amount; return the payout."""
    report = day.journey.report
    found, waited = await _wait_until_paid(day, run_id, payee_id)
    tax = gross * TAX_BPS // 10_000
    kind, amount = found.get("payee_kind"), found.get("amount")
    report.check(f"the {kind} is {found.get('status')} after {waited:.1f} s", waited < SEND_S)
    said = f"{amount}, which is {found.get('gross')} less {found.get('tax')}"
    is_right = (found.get("gross"), found.get("tax"), amount) == (gross, tax, gross - tax)
    report.check(said, is_right)
    return found


async def look_at_confirmation(day: PayDay, earlier: ThroughWadah, run_id: str) -> None:
    """Check what a wadah is paid for its agent, and let the agent confirm the receipt."""
    report, agent = day.journey.report, earlier.agent
    payout, _ = await _wait_until_paid(day, run_id, earlier.wadah_id)
    await agent.refresh()
    agent_id = (await agent.get("/v1/me"))["agent_id"]
    parts = [each["gross"] for each in payout["items"] if each["beneficiary_id"] == agent_id]
    said = f"{earlier.expected.agent} of {payout['gross']} is for the agent, by the scheme"
    report.check(said, earlier.expected.agent in parts and payout["payee_kind"] == "wadah")
    own = (await agent.get("/v1/me/payouts"))["items"]
    (mine,) = [each for each in own if each["id"] == payout["id"]]
    report.check(f"the agent reads {mine['gross']}", mine["gross"] == sum(parts))
    await _look_at_notice(day, agent, mine["amount"])
    asked = await _list_missing(day, payout["id"])
    report.check("an officer reads who has not answered", asked == [(agent_id, mine["amount"])])
    answer = await agent.post(f"/v1/payouts/{payout['id']}/confirmation", {"is_received": True})
    listed = await day.proposer.get("/v1/payout-confirmations", payout_id=payout["id"])
    seen = [(each["id"], each["agent_id"], each["is_received"]) for each in listed["items"]]
    is_answered = await _list_missing(day, payout["id"]) == []
    is_seen = seen == [(answer["id"], agent_id, True)]
    report.check("the agent confirms the receipt", is_seen and is_answered)


async def _look_at_notice(day: PayDay, agent: Actor, amount: int) -> None:
    """Check that the agent has a notice of what their wadah was paid for them."""
    amounts: list[int] = []

    async def is_there() -> bool:
        notices = (await agent.get("/v1/me/notices"))["items"]
        about = [each for each in notices if each["template"] == "incentive_paid_to_wadah"]
        amounts[:] = [each["amount"] for each in about]
        return bool(amounts)

    await until(is_there, wait_s=day.journey.wait_s)
    day.journey.report.check(f"the agent has a notice of {amounts}", amounts == [amount])


async def _list_missing(day: PayDay, payout_id: str) -> list[tuple[str, int]]:
    """Return the agents who have not answered for a payout, with their parts."""
    listed = await day.proposer.get("/v1/payout-confirmations/missing", payout_id=payout_id)
    return [(each["agent_id"], each["amount"]) for each in listed["items"]]


async def _wait_until_paid(day: PayDay, run_id: str, payee_id: str) -> tuple[dict[str, Any], float]:
    """Wait until a payee of a run is paid; return the payout, and the seconds."""
    found: dict[str, Any] = {}

    async def is_paid() -> bool:
        payouts = await day.proposer.list_all(f"/v1/payout-runs/{run_id}/payouts")
        mine = [each for each in payouts if each["payee_id"] == payee_id]
        found.update(*mine)
        return bool(found.get("status") == "paid")

    waited = await until(is_paid, wait_s=day.journey.wait_s + SEND_S)
    if "id" not in found:
        raise StepFailed("a payee is not in the run")
    found.update(await day.proposer.get(f"/v1/payouts/{found['id']}"))
    return found, waited


async def look_at_the_bank(day: PayDay, usual: dict[str, Any], silent: dict[str, Any]) -> None:
    """Check that the bank moved each amount once, and how the silent transfer was settled."""
    report = day.journey.report
    history = [(each["status"], each["source"]) for each in silent["history"]]
    states = [status for status, _ in history]
    report.check(
        f"the bank did not answer: {', '.join(states)}, by {history[-1][1]}",
        states[-2:] == ["unknown", "paid"] and history[-1][1] == "status_inquiry",
    )
    moved = await day.journey.cast.bank.list_transfers()
    for payout in (usual, silent):
        references = {each["partner_reference_no"] for each in payout["transfers"]}
        amounts = [
            each["amount"]
            for each in moved
            if each["partner_reference_no"] in references and each["state"] == "executed"
        ]
        report.check(f"the bank moved {amounts} once", amounts == [payout["amount"]])


async def look_at_the_books(day: PayDay, paid: dict[str, dict[str, Any]]) -> None:
    """Check that nothing is owed any more, and that the verification still agrees."""
    report, month = day.journey.report, day.journey.month
    for payee_id, payout in paid.items():
        account = f"incentive_payable:{payee_id}"
        owed = sum(
            each["amount"] if each["credit_account"] == account else -each["amount"]
            for each in await day.proposer.list_all("/v1/ledger/transfers", account=account)
        )
        report.check(f"the ledger owes the {payout['payee_kind']} {owed}", owed == 0)
    own = (await day.agent.get("/v1/me/payouts"))["items"]
    amounts = [each["amount"] for each in own if each["status"] == "paid"]
    report.check(f"the agent reads {amounts}", amounts == [next(iter(paid.values()))["amount"]])
    path = f"/v1/commission-months/{month}/verification"
    await day.proposer.post(path, expect=(202, 409))
    found: dict[str, Any] = {}

    async def is_verified() -> bool:
        found.update(await day.proposer.get(path))
        return not found["requested_again"]

    waited = await until(is_verified, wait_s=day.journey.wait_s + CLOSE_S)
    said = f"verified once more after {waited:.1f} s: {found['verified']}"
    report.check(said, found["verified"] == "agrees" and not found["requested_again"])
