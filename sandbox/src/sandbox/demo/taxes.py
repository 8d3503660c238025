"""After the payouts: the tax that was withheld is paid to the state, and the books agree."""

import secrets
from dataclasses import dataclass
from typing import Any

from perisai_kit.domain.month import Month
from sandbox import treasury
from sandbox.demo.clients import Actor, Bank
from sandbox.demo.journey import until
from sandbox.demo.report import Report


@dataclass(frozen=True)
class Remittance:
    """Two officers who remit the tax of the payments of a month, and the bank that pays it.

    withheld: rupiah, by the payouts.
    """

    report: Report
    bank: Bank
    proposer: Actor
    approver: Actor
    month: Month
    account_id: str
    withheld: int


async def release_taxes(remittance: Remittance) -> list[str]:
    """Propose, approve and release to remit what is due; return the ids of the payouts.

    The month of the payments is over.
    """
    report, month, payout_ids = remittance.report, str(remittance.month), list[str]()
    await remittance.bank.open_account(
        bank_code=treasury.BANK_CODE,
        account_no=treasury.ACCOUNT_NO,
        holder_name=treasury.HOLDER_NAME,
    )
    dues = await _list_dues(remittance)
    due = sum(each["due"] for each in dues)
    report.check(f"{due} of tax is due for {month}", due == remittance.withheld)
    for each in dues:
        asked = {
            "tax_kind": each["kind"],
            "month": month,
            "billing_code": f"{secrets.randbelow(10**15):015d}",
            "payout_account_id": remittance.account_id,
        }
        proposed = await remittance.proposer.post("/v1/tax-remittances", asked)
        path = f"/v1/payout-runs/{proposed['run_id']}"
        await remittance.approver.post(f"{path}/decision", {"verdict": "approved"})
        released = await remittance.approver.post(f"{path}/release")
        said = f"{proposed['amount']} of {each['kind']} released by another officer"
        report.check(said, released["status"] == "released")
        payout_ids.append(proposed["payout_id"])
    return payout_ids


async def look_at_the_taxes(
    remittance: Remittance, payout_ids: list[str], *, wait_s: float
) -> None:
    """Wait until the state is paid, and check that nothing is due any more."""
    report, month = remittance.report, remittance.month
    found: list[dict[str, Any]] = []

    async def is_paid() -> bool:
        found[:] = [await remittance.proposer.get(f"/v1/payouts/{each}") for each in payout_ids]
        return all(each["status"] == "paid" for each in found)

    waited = await until(is_paid, wait_s=wait_s)
    amounts = [each["amount"] for each in found if each["status"] == "paid"]
    said = f"{amounts} is paid to the state after {waited:.1f} s"
    report.check(said, sum(amounts) == remittance.withheld)
    references = {
        attempt["partner_reference_no"] for each in found for attempt in each["transfers"]
    }
    moved = [
        each["amount"]
        for each in await remittance.bank.list_transfers()
        if each["partner_reference_no"] in references and each["state"] == "executed"
    ]
    report.check(f"the bank moved {moved} once", sorted(moved) == sorted(amounts))
    balances = await list_balances(remittance.proposer)
    owed = {
        account: balance
        for account, balance in balances.items()
        if account.startswith("tax_payable:") and account.endswith(f":{month}")
    }
    is_settled = bool(owed) and not any(owed.values()) and not await _list_dues(remittance)
    report.check(f"the ledger owes the state {sum(owed.values())}", is_settled)


async def look_at_the_statements(
    report: Report, finance: Actor, paid: dict[str, dict[str, Any]]
) -> None:
    """Check that statements are what was paid and what is still owed. paid: payouts, by payee."""
    balances = await list_balances(finance)
    for beneficiary_id, payout in paid.items():
        statements = await finance.list_all("/v1/statements", beneficiary_id=beneficiary_id)
        stated = sum(each["amount"] for each in statements)
        gross = sum(
            each["gross"] for each in payout["items"] if each["beneficiary_id"] == beneficiary_id
        )
        owed = balances[f"incentive_payable:{beneficiary_id}"]
        said = f"statements of {stated} are {gross} paid and {owed} owed"
        report.check(said, stated == gross + owed)


async def list_balances(finance: Actor) -> dict[str, int]:
    """Return the balance of every account of the ledger, in rupiah."""
    accounts = await finance.list_all("/v1/ledger/accounts")
    return {each["account"]: each["balance"] for each in accounts}


async def _list_dues(remittance: Remittance) -> list[dict[str, Any]]:
    listed = await remittance.proposer.get("/v1/tax-dues")
    return [each for each in listed["items"] if each["month"] == str(remittance.month)]
