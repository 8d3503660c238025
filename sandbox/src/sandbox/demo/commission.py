"""The last step: close the month and check every commission line."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.demo.clients import Actor
from sandbox.demo.journey import PAYING, Walk, until
from sandbox.demo.report import StepFailed

LINES_OF_A_MEMBER = 4
"""Lines for three programmes and an acquisition, for the agent and for the wadah."""
CLOSE_S = 20.0
"""The worker looks for confirmed closings every ten seconds."""
AGREED = ("month_closing_proposed", "month_closing_decided", "month_closed")
"""What a repeated proposal or decision is refused with."""


@dataclass(frozen=True)
class Expected:
    """The expected commission of the month in rupiah, by the scheme of 2022 and the one before.

    Source: docs/commissions.md, Worked examples.
    """

    agent: int
    wadah: int
    agent_before_2022: int


@dataclass
class Close:
    """The participants and data for closing the month.

    move_clock: sets the business clock of all services.
    """

    journey: Walk
    agent: Actor
    expected: Expected
    move_clock: Callable[[datetime], None]

    @property
    def finance(self) -> Actor:
        return self.journey.cast.finance


async def earn(close: Close) -> bool:
    """Preview the commission, close the month, and add up every line; return whether it did.

    If the month is closed already, the payments count for a later month. That month is only
    previewed, because it may have just begun.
    """
    preview = await look_ahead(close)
    if preview["month"] != close.journey.month:
        said = f"{close.journey.month} is closed here already, so this counts in {preview['month']}"
        close.journey.report.check(said, preview["month"] > close.journey.month)
        await look_at_lines(close, preview, wadah=None)
        close.journey.report.step("6 commission, seen before the month closes")
        return False
    await close_month(close)
    await look_at_payees(close, await look_at_statements(close))
    await look_at_verification(close)
    close.journey.report.step("6 the month closes")
    return True


async def look_ahead(close: Close) -> dict[str, Any]:
    """Preview the agent's month with the present and with another scheme."""
    report, expected = close.journey.report, close.expected
    preview: dict[str, Any] = {}

    async def all_counted() -> bool:
        preview.update(await close.agent.get("/v1/commission-previews"))
        is_all = preview["line_count"] == PAYING * LINES_OF_A_MEMBER
        return is_all and not preview["waiting_payments"]

    waited = await until(all_counted, wait_s=close.journey.wait_s)
    report.check(f"counted after {waited:.1f} s", waited < close.journey.wait_s)
    count = preview["new_members"]
    report.check(f"{count} new members of {preview['threshold']} needed", count == PAYING)
    report.check(f"the agent earns {preview['amount']}", preview["amount"] == expected.agent)
    schemes = (await close.finance.get("/v1/commission-schemes"))["items"]
    before = next(each for each in schemes if each["first_month"] < "2022")
    tried = await close.finance.get(
        "/v1/commission-previews",
        agent_id=preview["beneficiary_id"],
        month=preview["month"],
        scheme_id=before["id"],
    )
    said = f"{tried['amount']} by the scheme of {before['first_month'][:4]}"
    report.check(said, tried["amount"] == expected.agent_before_2022)
    return preview


async def close_month(close: Close) -> None:
    """Move the clock past the end of the month, and close it once everything is counted.

    One finance officer proposes, another confirms, and the worker closes it.
    """
    at = close.journey.at
    close.move_clock((at.replace(day=1) + timedelta(days=32)).replace(day=3))
    waiting: list[str] = [close.journey.month]
    done: list[str] = []
    closing: dict[str, Any] = {}

    async def is_one_closed() -> bool:
        month = waiting[0]
        refusal = await agree_to_close(close.finance, close.journey.cast.second_finance, month)
        match refusal.get("code"):
            case None:
                closing.update(await close.finance.get(f"/v1/commission-months/{month}/closing"))
                if closing["status"] == "done":
                    done.append(waiting.pop(0))
                    return True
            case "earlier_month_open":
                waiting[:0] = refusal["details"]["months"]
            case "events_unread" | "payments_wait" | "month_being_closed":
                pass
            case code:
                raise StepFailed(f"the month cannot be closed: {code}")
        return False

    waited = 0.0
    while waiting:
        before = len(done)
        waited += await until(is_one_closed, wait_s=close.journey.wait_s + CLOSE_S)
        if len(done) == before:
            break
    said = f"closed after {waited:.1f} s, {closing.get('statements_issued')} statements"
    close.journey.report.check(said, not waiting)


async def agree_to_close(proposer: Actor, approver: Actor, month: str) -> dict[str, Any]:
    """Propose and confirm to close a month; return the problem where one is refused.

    Repeated, it finds the month proposed, confirmed or closed, which is none.
    """
    path = f"/v1/commission-months/{month}/closing"
    for actor, address, body in (
        (proposer, path, None),
        (approver, f"{path}/decision", {"verdict": "confirmed"}),
    ):
        answer: dict[str, Any] = await actor.post(address, body, expect=(200, 201, 409))
        if answer.get("code") not in (None, *AGREED):
            return answer
    return {}


async def look_at_statements(close: Close) -> dict[str, Any]:
    """Check the statements of the agent and the wadah; return the agent's."""
    report, month = close.journey.report, close.journey.month
    own = (await close.agent.get("/v1/statements", month=month))["items"]
    report.check("the agent has one statement", len(own) == 1)
    (statement,) = own
    found = await close.finance.get(
        "/v1/statements", month=month, beneficiary_id=statement["wadah_id"]
    )
    (wadah,) = found["items"]
    await look_at_lines(close, statement, wadah=wadah)
    for each in (statement, wadah):
        account = f"incentive_payable:{each['beneficiary_id']}"
        found = await close.finance.get("/v1/ledger/transfers", account=account)
        owed = sum(transfer["amount"] for transfer in found["items"])
        report.check(f"the ledger owes {owed}", owed == each["amount"])
    return dict(statement)


async def look_at_payees(close: Close, statement: dict[str, Any]) -> None:
    """Check who is paid: the wadah with a breakdown by agent, or the agent by the agreement."""
    report, expected, month = close.journey.report, close.expected, close.journey.month
    payee = statement["payee"]
    is_direct = close.journey.pays == "agents"
    report.check(
        f"the {payee['kind']} is paid, by the {payee['reason']}",
        (payee["kind"], payee["reason"], payee["held_reason"])
        == (("agent", "agreement", None) if is_direct else ("wadah", "scheme", None)),
    )
    path = f"/v1/commission-months/{month}/payees"
    wadah = await close.finance.get(f"{path}/{statement['wadah_id']}")
    total = expected.wadah if is_direct else expected.agent + expected.wadah
    parts = [each["payable"] for each in wadah["items"]]
    said = f"the wadah gets {wadah['payable']} in {len(parts)} parts"
    report.check(said, wadah["payable"] == sum(parts) == total)
    if is_direct:
        agent = await close.agent.get(f"{path}/{statement['beneficiary_id']}")
        report.check(f"the agent gets {agent['payable']}", agent["payable"] == expected.agent)


async def look_at_verification(close: Close) -> None:
    """Wait for the verification of the month, and check that it agrees."""
    report, month = close.journey.report, close.journey.month
    found: dict[str, Any] = {}

    async def is_verified() -> bool:
        path = f"/v1/commission-months/{month}/verification"
        found.update(await close.finance.call("GET", path, expect=(200, 404)))
        return "verified" in found

    waited = await until(is_verified, wait_s=close.journey.wait_s + CLOSE_S)
    report.check(f"verified after {waited:.1f} s", "verified" in found)
    said = f"a second computation of {found.get('line_count')} lines {found.get('verified')}"
    report.check(said, found.get("verified") == "agrees")


async def look_at_lines(
    close: Close, agent: dict[str, Any], *, wadah: dict[str, Any] | None
) -> None:
    """Add up the commission lines of the agent and the wadah."""
    report, expected = close.journey.report, close.expected
    wanted = [("agent", close.agent, agent, expected.agent)]
    if wadah is not None:
        wanted.append(("wadah", close.finance, wadah, expected.wadah))
    for who, reader, earned, amount in wanted:
        report.check(f"{who} {earned['amount']}", earned["amount"] == amount)
        lines = await _lines(reader, earned)
        is_explained = all(line["parts"] == line["base"] * line["rate_bps"] for line in lines)
        total = sum(line["parts"] for line in lines) // 10_000
        report.check(f"explained by {len(lines)} lines", is_explained and total == earned["amount"])


async def _lines(reader: Actor, earned: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every line of a statement, or of a preview."""
    if "id" in earned:
        return await reader.list_all(f"/v1/statements/{earned['id']}/lines")
    return await reader.list_all("/v1/commission-previews/lines", month=str(earned["month"]))
