"""Two finance officers of the country who replace the credentials of a bank."""

from typing import Any

import httpx
from payment_service_tests.partner_bank import Bank

from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens

NEW_SECRET = "n" * 48


class Desk:
    """Ani proposes and Budi decides, unless a test says otherwise."""

    def __init__(self, client: httpx.AsyncClient, tokens: Tokens) -> None:
        self.client = client
        self.ids = {name: new_id() for name in ("ani", "budi")}
        self._headers = {
            name: tokens.make(
                Role.FINANCE_OFFICER, scope={"kind": ScopeKind.COUNTRY}, account_id=id_
            )
            for name, id_ in self.ids.items()
        }

    def path(self, bank: Bank) -> str:
        return f"/v1/bank-partners/{bank.partner.id}"

    async def propose(
        self, bank: Bank, name: str = "ani", *, overlap_days: int = 14, **new: Any
    ) -> httpx.Response:
        return await self.client.post(
            f"{self.path(bank)}/credential-changes",
            json={"overlap_days": overlap_days, **new},
            headers=self._headers[name],
        )

    async def decide(
        self, bank: Bank, change: httpx.Response, name: str = "budi", verdict: str = "approved"
    ) -> httpx.Response:
        return await self.client.post(
            f"{self.path(bank)}/credential-changes/{change.json()['id']}/decision",
            json={"verdict": verdict},
            headers=self._headers[name],
        )

    async def change(self, bank: Bank, **new: Any) -> httpx.Response:
        """Replace credentials with the word of both."""
        return await self.decide(bank, await self.propose(bank, **new))

    async def end(self, bank: Bank, change: httpx.Response, name: str = "ani") -> httpx.Response:
        return await self.client.post(
            f"{self.path(bank)}/credential-changes/{change.json()['id']}/ending",
            headers=self._headers[name],
        )

    async def see(self, bank: Bank, part: str = "") -> Any:
        """Return what an officer reads of a bank, or of a part such as `/requests`."""
        answer = await self.client.get(self.path(bank) + part, headers=self._headers["ani"])
        assert answer.status_code == 200
        return answer.json()
