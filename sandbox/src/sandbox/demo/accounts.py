"""The bank account of a wadah: proposed, verified at the bank, and approved by another officer."""

from typing import Any
from uuid import UUID

from sandbox.demo.clients import Actor, Bank
from sandbox.demo.report import StepFailed

INQUIRIES = 5
"""How often a bank that gives no answer is asked."""
DIGITS = 10


def wadah_account_no(wadah_id: str) -> str:
    """Return the number that the account of a wadah gets, the same each time."""
    return f"{UUID(wadah_id).int % 10**DIGITS:0{DIGITS}d}"


async def ensure_wadah_account(
    wadah: dict[str, Any], *, bank: Bank, bank_code: str, officer: Actor, second_officer: Actor
) -> dict[str, Any]:
    """Return the current account of a wadah, made as far as it is missing.

    Raises: StepFailed if the bank does not confirm it.
    """
    known = (await officer.get("/v1/bank-accounts", holder_id=wadah["id"]))["items"]
    if known and known[0]["status"] != "proposed":
        return dict(known[0])
    if known:
        proposed = known[0]
    else:
        account = {
            "bank_code": bank_code,
            "account_no": wadah_account_no(wadah["id"]),
            "holder_name": f"Bendahara {wadah['name']}".upper(),
        }
        await bank.open_account(**account)
        proposed = await officer.post("/v1/bank-accounts", {"wadah_id": wadah["id"], **account})
    path = f"/v1/bank-accounts/{proposed['id']}"
    for _ in range(INQUIRIES):
        verified = await officer.post(f"{path}/verification")
        if verified["name_match"] == "match":
            decided = await second_officer.post(f"{path}/decision", {"verdict": "approved"})
            return dict(decided)
    raise StepFailed(f"the bank says {verified['name_match']} of a wadah's account")
