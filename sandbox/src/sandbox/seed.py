"""The staff and the banks of a new sandbox, created through the public API.

Everything is looked up before it is created, so that a second start creates nothing.
"""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from sandbox.demo.clients import Actor, open_client
from sandbox.demo.report import SignInRefused
from sandbox.errors import SandboxError
from sandbox.vault import ENGINEER_SIGN_IN, BankSecrets, KeyFiles, Secrets
from snap_bi.profiles import ReplayAnswer

REGION = "JTM"
BRANCH = {"code": "BWI", "name": "Banyuwangi", "region_code": REGION}
BRANCH_SCOPE = {"kind": "branch", "code": "BWI", "region": REGION}
COUNTRY_SCOPE = {"kind": "country"}
DEVICE_ID = "sandbox-seed"


@dataclass(frozen=True, slots=True)
class BankPlayed:
    """A SNAP BI profile of the sandbox's bank, with a company code.

    replay_answer: the answer to a repeated payment, which a real bank must approve.
    """

    profile: str
    name: str
    company_code: str
    bank_code: str
    replay_answer: ReplayAnswer | None = None


# The first is the default of bills and the demo. No real bank has the codes 998 and 999.
BANKS = (
    BankPlayed("generic-hmac", "Bank of the sandbox", "77777", "999"),
    BankPlayed("generic-rsa", "Bank of the sandbox, asymmetric", "77778", "998"),
    BankPlayed(
        "bca",
        "Bank of the sandbox, as BCA",
        "77014",
        "014",
        ReplayAnswer.INCONSISTENT_WITH_FIRST_RESULT,
    ),
    BankPlayed("bri", "Bank of the sandbox, as BRI", "77002", "002", ReplayAnswer.STORED_SUCCESS),
)
REPLAY_REASON = "The sandbox's choice: no bank has signed it off. A real partner needs its bank's."


@dataclass(frozen=True, slots=True)
class SignIn:
    """A staff account of the sandbox."""

    username: str
    label: str
    role: str
    scope: Mapping[str, str]


SIGN_INS = (
    SignIn("admin", "Administrator", "admin", COUNTRY_SCOPE),
    SignIn("officer1", "Officer of Banyuwangi", "branch_officer", BRANCH_SCOPE),
    SignIn("officer2", "Second officer of Banyuwangi", "branch_officer", BRANCH_SCOPE),
    SignIn("finance1", "Finance officer", "finance_officer", COUNTRY_SCOPE),
    SignIn("finance2", "Second finance officer", "finance_officer", COUNTRY_SCOPE),
    SignIn("auditor", "Auditor", "auditor", COUNTRY_SCOPE),
    SignIn("country", "Officer of the whole country", "branch_officer", COUNTRY_SCOPE),
)


def make_engineer_sign_in(partner_id: str) -> SignIn:
    """Return the sign-in of the engineer of a bank partner."""
    scope = {"kind": "bank_partner", "code": partner_id}
    return SignIn(ENGINEER_SIGN_IN, "Engineer of the bank", "bank_engineer", scope)


ACTIVATOR = "finance1"
"""Activates the banks, which the administrator registers: nobody does both."""


async def seed(
    gateway_url: str,
    *,
    secrets: Secrets,
    keys: Mapping[str, KeyFiles],
    bank_url: str,
    gateway_environment: Mapping[str, str],
    write: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Create the staff and the banks of a sandbox on a running platform.

    keys: by profile. gateway_environment: for the command that makes the first administrator.
    write: gets a line of progress.
    Return the bank partners for the sandbox's bank and sandbox.json.
    Raises: SandboxError with the request that was refused.
    """
    async with open_client(gateway_url) as http:
        write("checking the sign-ins of the staff")
        admin = await _sign_in_administrator(http, secrets, gateway_environment)
        branches = await admin.list_all("/v1/branches")
        if BRANCH["code"] not in {each["code"] for each in branches}:
            await admin.post("/v1/branches", BRANCH)  # the officers of a branch need it
        for sign_in in SIGN_INS[1:]:
            await _ensure_account(admin, sign_in, secrets.passwords[sign_in.username])
        write("checking the bank partners")
        partners = [
            await ensure_partner(
                admin,
                played,
                secrets.banks[played.profile],
                keys[played.profile],
                sign_in_activator=partial(_sign_in, http, secrets, ACTIVATOR),
                bank_url=bank_url,
                gateway_url=gateway_url,
            )
            for played in BANKS
        ]
        engineer = make_engineer_sign_in(partners[0]["partner_id"])
        await _ensure_account(admin, engineer, secrets.passwords[engineer.username])
        return partners


async def _sign_in(http: httpx.AsyncClient, secrets: Secrets, username: str) -> Actor:
    actor = Actor(http, DEVICE_ID)
    await actor.sign_in_with_password(username, secrets.passwords[username])
    return actor


async def _sign_in_administrator(
    http: httpx.AsyncClient, secrets: Secrets, environment: Mapping[str, str]
) -> Actor:
    username = SIGN_INS[0].username
    try:
        return await _sign_in(http, secrets, username)
    except SignInRefused:
        await asyncio.to_thread(create_admin, username, secrets.passwords[username], environment)
        return await _sign_in(http, secrets, username)


def create_admin(username: str, password: str, environment: Mapping[str, str]) -> None:
    """Create an administrator with the gateway's own command.

    Raises: SandboxError with the output of the command.
    """
    done = subprocess.run(
        [sys.executable, "-m", "gateway.create_admin", username],
        input=f"{password}\n",
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise SandboxError(f"No administrator could be made: {said[-1]}")


async def _ensure_account(admin: Actor, sign_in: SignIn, password: str) -> None:
    found = await admin.get("/v1/accounts", username=sign_in.username)
    if found["items"]:
        return
    await admin.post(
        "/v1/accounts",
        {
            "username": sign_in.username,
            "password": password,
            "display_label": sign_in.label,
            "roles": [sign_in.role],
            "scope": sign_in.scope,
            "reason": "An account that every sandbox begins with.",
        },
    )


async def ensure_partner(
    admin: Actor,
    played: BankPlayed,
    secrets: BankSecrets,
    keys: KeyFiles,
    *,
    sign_in_activator: Callable[[], Awaitable[Actor]],
    bank_url: str,
    gateway_url: str,
) -> dict[str, Any]:
    """Register the bank of a profile, unless it is registered; return its entry of sandbox.json.

    sign_in_activator: signs in the account that activates what `admin` registers or changes,
    because two people are needed.
    """
    known = (await admin.get("/v1/bank-partners", limit=200))["items"]
    partner = next((each for each in known if each["client_id"] == secrets.client_id), None)
    outbound = _outbound(secrets, keys, bank_url)
    if partner is None:
        registration = {**_registration(played, secrets, keys), "outbound": outbound}
        partner = await admin.post("/v1/bank-partners", registration)
    path, status = f"/v1/bank-partners/{partner['id']}", partner["status"]
    if partner["base_url"] != bank_url:  # the sandbox was started on other ports
        if status == "active":
            await admin.post(f"{path}/suspension", {})
        partner = await admin.call("PUT", f"{path}/outbound", json=outbound)
    # A bank that somebody has suspended stays so.
    if status != "suspended" and partner["status"] != "active":
        activator = await sign_in_activator()
        # The sandbox activates whatever it has just stored.
        partner = await activator.post(f"{path}/activation", {}, headers={"If-Match": "*"})
    return _entry(partner, secrets, keys, gateway_url)


def _registration(played: BankPlayed, bank: BankSecrets, keys: KeyFiles) -> dict[str, Any]:
    return {
        "name": played.name,
        "profile": played.profile,
        "company_code": played.company_code,
        "bank_code": played.bank_code,
        "client_id": bank.client_id,
        "client_secret": bank.client_secret,
        "public_key_pem": keys.bank_public.read_text(),
        "replay_answer": played.replay_answer,
    }


def _outbound(bank: BankSecrets, keys: KeyFiles, bank_url: str) -> dict[str, Any]:
    return {
        "base_url": bank_url,
        "client_id": bank.outbound_client_id,
        "client_secret": bank.outbound_client_secret,
        "private_key_pem": keys.our_private.read_text(),
        "x_partner_id": bank.outbound_client_id,
    }


def _entry(
    partner: Mapping[str, Any], bank: BankSecrets, keys: KeyFiles, gateway_url: str
) -> dict[str, Any]:
    """Return the entry of this bank for sandbox.json, with the files of its keys."""
    replay_answer = partner["replay_answer"]
    return {
        "partner_id": partner["id"],
        "name": partner["name"],
        "profile": partner["profile"],
        "company_code": partner["company_code"],
        "bank_code": partner["bank_code"],
        "client_id": bank.client_id,
        "client_secret": bank.client_secret,
        "private_key_file": str(keys.bank_private),
        "public_key_file": str(keys.bank_public),
        "our_client_id": bank.outbound_client_id,
        "our_client_secret": bank.outbound_client_secret,
        "our_public_key_file": str(keys.our_public),
        "gateway_base_url": gateway_url,
        "replay_answer": replay_answer,
        "replay_answer_note": REPLAY_REASON if replay_answer else "The profile's own.",
    }
