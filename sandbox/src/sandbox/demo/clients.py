"""The clients of a sandbox: people and the bank."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from perisai_kit.runtime.network import Network
from sandbox.demo.report import SignInRefused, StepFailed

TIMEOUT_S = 30.0
RETRY_S = 2.0
PAGE_ROWS, PAGES_MOST = 200, 100
MADE = (200, 201, 207)

Watch = Callable[[httpx.Response], Awaitable[None]]


def open_client(url: str, watch: Watch | None = None) -> httpx.AsyncClient:
    """Return a client of a process of the sandbox. watch: gets every answer with its request."""
    return httpx.AsyncClient(
        base_url=url,
        timeout=TIMEOUT_S,
        transport=Network(),
        event_hooks={"response": [watch] if watch else []},
    )


class Actor:
    """A person with a sign-in at the gateway."""

    def __init__(
        self, http: httpx.AsyncClient, device_id: str, *, attempts: int = 1, access_token: str = ""
    ) -> None:
        """attempts: how often a request is sent that is answered 503, as on a busy machine."""
        self._http = http
        self._device_id = device_id
        self._attempts = attempts
        self.access_token = access_token
        self._refresh_token = ""

    async def sign_in_with_password(self, username: str, password: str) -> None:
        """Sign in as staff. Raises: SignInRefused."""
        grant = {"grant_type": "password", "username": username, "password": password}
        answer = await self._take(grant, expect=(200, 401))
        if "access_token" not in answer:
            raise SignInRefused(f"{username} cannot sign in: {answer.get('code')}")

    async def sign_in_by_phone(self, phone: str) -> None:
        """Sign in by a one-time code, as the member if the number has several accounts."""
        asked = {"phone": phone, "device_id": self._device_id}
        await self.call("POST", "/v1/auth/otp", json=asked, expect=(202,))
        outbox = await self.call("POST", "/v1/sandbox/otp-outbox", json={"phone": phone})
        grant = {"grant_type": "otp", "code": outbox["codes"][0]["code"], **asked}
        answer = await self._take(grant)
        if "accounts" in answer:
            member = next(each for each in answer["accounts"] if each["is_member"])
            await self._take({**grant, "account_id": member["account_id"]})

    async def refresh(self) -> None:
        """Get a new access token with the present roles."""
        await self._take(
            {
                "grant_type": "refresh_token",
                "refresh_token": self._refresh_token,
                "device_id": self._device_id,
            }
        )

    async def is_agent(self) -> bool:
        """Tell whether the account has the role of an agent by now."""
        await self.refresh()
        return "agent" in (await self.get("/v1/me"))["roles"]

    async def _take(
        self, grant: dict[str, Any], *, expect: tuple[int, ...] = (200,)
    ) -> dict[str, Any]:
        answer: dict[str, Any] = await self.call(
            "POST", "/v1/auth/token", json=grant, expect=expect
        )
        if "access_token" in answer:
            self.access_token = answer["access_token"]
            self._refresh_token = answer["refresh_token"]
        return answer

    async def get(self, path: str, **params: str | int) -> Any:
        """Return the JSON of a GET."""
        return await self.call("GET", path, params=params)

    async def list_all(self, path: str, **params: str | int) -> list[dict[str, Any]]:
        """Return the rows of every page of a list."""
        rows: list[dict[str, Any]] = []
        for _ in range(PAGES_MOST):
            page = await self.get(path, limit=PAGE_ROWS, **params)
            rows += page["items"]
            if not page["next_cursor"]:
                return rows
            params["cursor"] = page["next_cursor"]
        raise StepFailed(f"GET {path} has more than {len(rows)} rows")

    async def post(
        self,
        path: str,
        json: Any = None,
        *,
        expect: tuple[int, ...] = MADE,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Return the JSON of a POST with an Idempotency-Key of its own."""
        sent = {"Idempotency-Key": str(uuid.uuid4()), **(headers or {})}
        return await self.call("POST", path, json=json, headers=sent, expect=expect)

    async def call(
        self,
        method: str,
        path: str,
        *,
        expect: tuple[int, ...] = (200,),
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> Any:
        """Send a request and return its JSON.

        Raises: StepFailed for an unexpected status.
        """
        sent = dict(headers or {})
        if self.access_token:
            sent["Authorization"] = f"Bearer {self.access_token}"
        for attempt in range(1, self._attempts + 1):
            answer = await self._http.request(method, path, headers=sent, **more)
            if answer.status_code != 503 or attempt == self._attempts:
                break
            await asyncio.sleep(RETRY_S)
        if answer.status_code not in expect:
            raise StepFailed(f"{method} {path.split('?')[0]}: {_said(answer)}")
        return answer.json() if answer.content else None


class Bank:
    """The control API of the fake bank."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def open_account(self, *, bank_code: str, account_no: str, holder_name: str) -> None:
        """Open an account at the bank."""
        account = {"bank_code": bank_code, "account_no": account_no, "holder_name": holder_name}
        await self._post("/accounts", account, expect=201)

    async def pay(self, virtual_account_no: str, **more: Any) -> dict[str, Any]:
        """Pay a virtual account; see the fake bank's `POST /payments`."""
        return await self._post("/payments", {"virtual_account_no": virtual_account_no, **more})

    async def inquire(self, virtual_account_no: str) -> dict[str, Any]:
        """Send an inquiry."""
        return await self._post("/inquiries", {"virtual_account_no": virtual_account_no})

    async def open_paying_account(self, account_no: str, *, balance: int) -> None:
        """Open an account of the platform. balance: rupiah."""
        await self._post(
            "/paying-accounts", {"account_no": account_no, "balance": balance}, expect=201
        )

    async def plan_transfer(self, **plan: str) -> None:
        """Say what happens to a transfer; see the fake bank's `POST /plans`."""
        await self._post("/plans", plan, expect=201)

    async def list_transfers(self) -> list[dict[str, Any]]:
        """Return the transfers that the bank has taken, executed or not."""
        answer = await self._http.get("/transfers")
        if answer.status_code != 200:
            raise StepFailed(f"bank /transfers: {answer.status_code}")
        found: list[dict[str, Any]] = answer.json()
        return found

    async def _post(self, path: str, body: Any, *, expect: int = 200) -> dict[str, Any]:
        answer = await self._http.post(path, json=body)
        if answer.status_code != expect:
            raise StepFailed(f"bank {path}: {answer.status_code}")
        found: dict[str, Any] = answer.json()
        return found


def _said(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        fields = [each.get("pointer") for each in problem.get("errors", [])]
        return f"{answer.status_code} {problem.get('code')} {fields}"
    except ValueError:
        return str(answer.status_code)
