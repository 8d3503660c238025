"""Single requests to a running sandbox: a token, a code, a payment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from sandbox.errors import SandboxError

TIMEOUT_S = 30.0

Described = Mapping[str, Any]
"""The content of sandbox.json."""


@dataclass(frozen=True, slots=True)
class Payment:
    """The result of a payment at the sandbox's bank."""

    is_paid: bool
    line: str


def fetch_token(described: Described, username: str) -> str:
    """Sign in as one of the staff and return the access token.

    Raises: SandboxError if the sign-in is unknown or refused.
    """
    sign_in = described["sign_ins"].get(username, {})
    if "password" not in sign_in:
        raise SandboxError(f"{username} has no password in this sandbox.")
    grant = {"grant_type": "password", "username": username, "password": sign_in["password"]}
    answer = _post(described["addresses"]["gateway"], "/v1/auth/token", grant)
    if answer.status_code != 200:
        raise SandboxError(f"{username} cannot sign in: {answer.status_code}.")
    return str(answer.json()["access_token"])


def fetch_code(described: Described, phone: str) -> str:
    """Return the newest one-time code that was sent; phone: a number, or the name of a sign-in.

    Raises: SandboxError if there is none.
    """
    number = described["sign_ins"].get(phone, {}).get("phone", phone)
    answer = _post(described["addresses"]["gateway"], described["codes"]["read"], {"phone": number})
    codes = answer.json().get("codes", []) if answer.status_code == 200 else []
    if not codes:
        raise SandboxError(
            f"No code was sent to {phone}: ask for one first, "
            f"with POST {described['codes']['request']}."
        )
    return str(codes[0]["code"])


def list_notices(described: Described, to: str) -> list[str]:
    """Return the newest notices of the last hour, newest first.

    to: a telephone number, an e-mail address, or the name of a sign-in.
    Raises: SandboxError if there is none.
    """
    sign_in = described["sign_ins"].get(to, {})
    address = sign_in.get("phone") or sign_in.get("email") or to
    kind = "email" if "@" in address else "phone"
    answer = _post(described["addresses"]["gateway"], described["notices"][kind], {kind: address})
    found = answer.json().get("notices", []) if answer.status_code == 200 else []
    if not found:
        raise SandboxError(f"No notice was sent to {to} in the last hour.")
    return [str(each["text"]) for each in found]


def pay_virtual_account(described: Described, number: str, amount: int | None) -> Payment:
    """Pay as a customer of the bank; amount: rupiah, that of the bill when None.

    Raises: SandboxError if the bank refuses the request.
    """
    asked = {"virtual_account_no": number.strip(), **({} if amount is None else {"amount": amount})}
    answer = _post(described["addresses"]["fakebank"], "/payments", asked)
    if answer.status_code != 200:
        raise SandboxError(f"The bank cannot pay {number}: {_reason(answer)}")
    paid = answer.json()
    code = paid["calls"][-1]["response_code"] if paid["calls"] else None
    return Payment(
        is_paid=paid["outcome"] == "paid",
        line=f"{paid['outcome']}: {paid['amount']} rupiah, answered {code}",
    )


def _post(base_url: str, path: str, content: Mapping[str, Any]) -> httpx.Response:
    return httpx.post(f"{base_url}{path}", json=content, trust_env=False, timeout=TIMEOUT_S)


def _reason(answer: httpx.Response) -> str:
    try:
        return f"{answer.status_code} {answer.json().get('detail', '')}".strip()
    except ValueError:
        return str(answer.status_code)
