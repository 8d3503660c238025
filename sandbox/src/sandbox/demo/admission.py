"""How agents are admitted: the account of their wadah, and their application."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sandbox.demo.clients import Actor, Bank
from sandbox.demo.forms import application_body
from sandbox.demo.people import Person
from sandbox.demo.report import StepFailed

INQUIRIES = 5
"""How often a bank that gives no answer is asked."""
DIGITS = 10


@dataclass(frozen=True, kw_only=True)
class Office:
    """The officers and the bank that admit agents. bank_code: of the accounts of agents."""

    officer: Actor
    second_officer: Actor
    bank: Bank
    bank_code: str


def wadah_account_no(wadah_id: str) -> str:
    """Return the number that the account of a wadah gets, the same each time."""
    return f"{UUID(wadah_id).int % 10**DIGITS:0{DIGITS}d}"


async def ensure_wadah_account(office: Office, wadah: dict[str, Any]) -> dict[str, Any]:
    """Return the current account of a wadah, made as far as it is missing.

    One officer proposes it, the bank verifies it, and another officer approves it.

    Raises: StepFailed if the bank does not confirm it.
    """
    officer = office.officer
    known = (await officer.get("/v1/bank-accounts", holder_id=wadah["id"]))["items"]
    if known and known[0]["status"] != "proposed":
        return dict(known[0])
    if known:
        proposed = known[0]
    else:
        account = {
            "bank_code": office.bank_code,
            "account_no": wadah_account_no(wadah["id"]),
            "holder_name": f"Bendahara {wadah['name']}".upper(),
        }
        await office.bank.open_account(**account)
        proposed = await officer.post("/v1/bank-accounts", {"wadah_id": wadah["id"], **account})
    path = f"/v1/bank-accounts/{proposed['id']}"
    for _ in range(INQUIRIES):
        verified = await officer.post(f"{path}/verification")
        if verified["name_match"] == "match":
            decided = await office.second_officer.post(f"{path}/decision", {"verdict": "approved"})
            return dict(decided)
    raise StepFailed(f"the bank says {verified['name_match']} of a wadah's account")


async def apply(
    office: Office,
    applicant: Actor,
    person: Person,
    *,
    wadah_id: str,
    account_no: str,
    has_account: bool = True,
) -> dict[str, Any]:
    """Let a person sign in and apply to be an agent, unless they have; return the application.

    has_account: whether the bank knows the account.
    """
    if has_account:
        await office.bank.open_account(
            bank_code=office.bank_code, account_no=account_no, holder_name=person.full_name.upper()
        )
    await applicant.sign_in_by_phone(person.phone)
    own = (await applicant.get("/v1/applications"))["items"]
    body = application_body(
        person, wadah_id=wadah_id, bank_code=office.bank_code, account_no=account_no
    )
    return dict(own[-1] if own else await applicant.post("/v1/applications", body))
