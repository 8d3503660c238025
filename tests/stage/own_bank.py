"""The sandbox's banks played in this process, for flags that no bank of good manners would send."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import httpx
from stage.customers import AT
from stage.processes import Platform
from yarl import URL

from perisai_kit.domain import clock
from perisai_kit.runtime.network import Network
from sandbox.environment import FAKEBANK_FILE
from sandbox.fakebank.calls import NONE, TIMEOUT_S, BankClient, Trouble, new_request_id
from sandbox.fakebank.config import Partner, Partners
from sandbox.fakebank.flags import Flags
from sandbox.fakebank.journal import Call, Journal
from sandbox.fakebank.payments import Mode, Order, flag_message, inquire, pay
from snap_bi.codes import Service
from snap_bi.outgoing import sign_transaction


class OwnBank:
    """Every partner of the platform's fake bank, with the same code, but nothing in between."""

    def __init__(self, platform: Platform, client: BankClient) -> None:
        self._partners = Partners(platform.folder / FAKEBANK_FILE)
        self._caller = client

    async def pay(self, virtual_account_no: str, **more: Any) -> dict[str, Any]:
        """As the control API's `POST /payments`."""
        trx_at = datetime.fromisoformat(more.pop("trx_date_time"))
        mode = Mode(more.pop("mode", "ok"))
        order = Order(virtual_account_no=virtual_account_no, trx_at=trx_at, mode=mode, **more)
        paid = await pay(self._caller, self._partner(virtual_account_no), order)
        calls = [{"response_code": call.response_code} for call in paid.calls]
        return {"outcome": paid.outcome, "calls": calls}

    async def inquire(self, number: str) -> Call:
        """Ask what is to be paid."""
        return await inquire(self._caller, self._partner(number), virtual_account_no=number)

    async def flag(
        self,
        number: str,
        request_id: str,
        amount: int,
        *,
        external_id: str | None = None,
        advise: bool = False,
        trouble: Trouble = NONE,
        address: str | None = None,
    ) -> Call:
        """Send one payment flag; with a new X-EXTERNAL-ID unless one is given.

        address: where it is sent to, instead of the gateway's.
        """
        partner = self._partner(number)
        if address is not None:
            entry = partner.entry.model_copy(update={"gateway_base_url": address})
            partner = replace(partner, entry=entry)
        return await self._caller.call(
            partner,
            Service.PAYMENT,
            _message(partner, number, request_id, amount, advise=advise),
            external_id=external_id or new_request_id(clock.real_now()),
            trouble=trouble,
        )

    async def deliver_late(
        self, number: str, request_id: str, amount: int, *, late: timedelta
    ) -> str | None:
        """Send a flag that was signed so long ago, at a bank that signs without a token."""
        partner = self._partner(number)
        assert not partner.profile.needs_token
        message = _message(partner, number, request_id, amount, advise=False)
        target = f"{partner.profile.public_prefix}/transfer-va/payment"
        signed = sign_transaction(
            partner.profile,
            partner.sender,
            target=target,
            body=(body := json.dumps(message).encode()),
            at=clock.real_now() - late,
            external_id=new_request_id(clock.real_now()),
            token=None,
        )
        async with httpx.AsyncClient(transport=Network(), timeout=TIMEOUT_S) as http:
            url = f"{partner.entry.gateway_base_url}{target}"
            answer = await http.post(url, content=body, headers=signed.headers)
        code: str | None = answer.json().get("responseCode")
        return code

    def find_without_token(self, numbers: Sequence[str]) -> str:
        """Return the account at the bank that signs without a token."""
        return next(each for each in numbers if not self._partner(each).profile.needs_token)

    def _partner(self, number: str) -> Partner:
        return self._partners.find(partner_id=None, virtual_account_no=number)


def _message(
    partner: Partner, number: str, request_id: str, amount: int, *, advise: bool
) -> dict[str, object]:
    order = Order(virtual_account_no=number, trx_at=AT)
    first = flag_message(partner, order, request_id=request_id, amount=amount, name="")
    return {**first, "flagAdvise": "Y" if advise else "N"}


class Quick(httpx.AsyncBaseTransport):
    """httpx over aiohttp's client, which spends a fraction of the time on a request."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(auto_decompress=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        sent = self._session.request(
            request.method,
            URL(str(request.url), encoded=True),
            headers=request.headers.multi_items(),
            data=request.content,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
        )
        try:
            async with sent as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise httpx.TransportError(type(error).__name__) from error
        return httpx.Response(answer.status, headers=list(answer.headers.items()), content=content)

    async def aclose(self) -> None:
        await self._session.close()


@asynccontextmanager
async def own_bank(platform: Platform) -> AsyncIterator[OwnBank]:
    """Open a bank for as long as it is needed."""
    client = BankClient(Journal(), Flags(), transport=Quick())
    try:
        yield OwnBank(platform, client)
    finally:
        await client.aclose()
