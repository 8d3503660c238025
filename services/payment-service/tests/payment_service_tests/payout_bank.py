"""A bank that moves our money, or does what banks do instead."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import JAKARTA

SOURCE_NO = "8880001112"
HOLDER = "Siti Aminah"


class Killed(BaseException):
    """Our process dies here: nothing of ours handles it."""


@dataclass
class Order:
    """A transfer as the bank knows it.

    is_executed: whether it has debited us. returned_at: when the money came back.
    """

    body: dict[str, Any]
    external_id: str
    booked_at: datetime
    is_executed: bool
    returned_at: datetime | None = None

    @property
    def amount(self) -> dict[str, str]:
        found: dict[str, str] = self.body["amount"]
        return found


@dataclass
class Bank:
    """Answers the transfers by a script, one behaviour each, and everything else honestly.

    script: `ok`; `lost`, executed and no answer; `unheard`, neither; `garbage`, `foreign`,
    `killed` and `killed_before`: what their names say; or a code such as `4291700`, not executed.
    With `+` before a code it is executed nevertheless. statuses: of service 36, in their order; an
    honest answer when there is none left. partner_ids: X-PARTNER-ID of each call. asked: whose
    account it was asked for (15, 16).
    """

    script: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    partner_ids: list[str] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    funds: int | None = 10**12
    name: str | None = HOLDER
    refusal: tuple[int, str] = (404, "11")
    """Of an inquiry of the holder, where there is no name: HTTP status and case."""
    has_statement: bool = True
    states_day: bool = False
    """Whether the status of a transfer (36) says when it was executed."""
    is_issuing_tokens: bool = True
    remark: Callable[[str], str] = lambda remark: remark
    before_transfer: Callable[[], Awaitable[None]] | None = None
    hangs: asyncio.Event | None = None
    """Set once a transfer is executed whose answer never comes."""

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/access-token/b2b"):
            if not self.is_issuing_tokens:
                raise httpx.ConnectError("no bank")
            return httpx.Response(200, json={"accessToken": "t", "expiresIn": "900"})
        body = json.loads(request.content)
        called = path.rsplit("/snap/v1.0/", 1)[-1].rsplit("/v1.0/", 1)[-1].rsplit("/v2.0/", 1)[-1]
        self.calls.append(called)
        self.partner_ids.append(request.headers["X-PARTNER-ID"])
        match called:
            case "transfer-intrabank" | "transfer-interbank":
                service = "17" if called == "transfer-intrabank" else "18"
                return await self._take(body, request.headers["X-EXTERNAL-ID"], service)
            case "transfer/status":
                return self._tell_status(body)
            case "balance-inquiry":
                return self._tell_balance()
            case "bank-statement":
                return self._tell_statement(body)
        return self._tell_name(called, body)

    @property
    def executed(self) -> list[Order]:
        return [order for order in self.orders if order.is_executed]

    @property
    def transfers(self) -> int:
        return sum(call.startswith("transfer-") for call in self.calls)

    def give_back(self, order: Order, *, after: timedelta = timedelta()) -> None:
        order.returned_at = order.booked_at + after

    async def _take(self, body: dict[str, Any], external_id: str, service: str) -> httpx.Response:
        if self.before_transfer is not None:
            await self.before_transfer()
        answer = self._transfer(body, external_id, service)
        if self.hangs is not None:
            self.hangs.set()
            await asyncio.Event().wait()
        return answer

    def _transfer(self, body: dict[str, Any], external_id: str, service: str) -> httpx.Response:
        behaviour = self.script.pop(0) if self.script else "ok"
        if behaviour == "killed_before":
            raise Killed
        is_executed = behaviour in {"ok", "lost", "garbage", "foreign", "killed"}
        is_executed = is_executed or behaviour.startswith("+")
        if behaviour != "unheard":
            now = clock.real_now()
            self.orders.append(Order(body, external_id, now, is_executed))
        return _answer(behaviour.lstrip("+"), body, service)

    def _tell_status(self, body: dict[str, Any]) -> httpx.Response:
        reference = body["originalPartnerReferenceNo"]
        known = [o for o in self.orders if o.body["partnerReferenceNo"] == reference]
        status = self.statuses.pop(0) if self.statuses else None
        if status == "lost":
            raise httpx.ReadTimeout("no answer")
        if status is None and not known:
            status = "4043601"
        if status is not None and len(status) == 7:
            return httpx.Response(int(status[:3]), json={"responseCode": status})
        order = known[-1] if known else None
        if status is None and order is not None:
            status = "04" if order.returned_at else "00" if order.is_executed else "06"
        day = {"transactionDate": _write(order.booked_at)} if order and self.states_day else {}
        reference_of = "of another transfer" if status == "foreign" else reference
        return httpx.Response(
            200,
            json={
                "responseCode": "2003600",
                "latestTransactionStatus": "00" if status == "foreign" else status,
                "originalPartnerReferenceNo": reference_of,
                "originalExternalId": body["originalExternalId"],
                "serviceCode": body["serviceCode"],
                "amount": body["amount"],
                "referenceNumber": "R-1",
                **day,
            },
        )

    def _tell_balance(self) -> httpx.Response:
        if self.funds is None:
            return httpx.Response(504)
        amount = {"value": f"{self.funds}.00", "currency": "IDR"}
        accounts = [{"balanceType": "Cash", "availableBalance": amount}]
        return httpx.Response(
            200,
            json={"responseCode": "2001100", "accountNo": SOURCE_NO, "accountInfos": accounts},
        )

    def _tell_statement(self, body: dict[str, Any]) -> httpx.Response:
        if not self.has_statement:
            return httpx.Response(500, json={"responseCode": "5001400"})
        bookings = [
            (order, kind, at)
            for order in self.executed
            for kind, at in (("DEBIT", order.booked_at), ("CREDIT", order.returned_at))
            if at is not None
        ]
        first, last = body["fromDateTime"][:10], body["toDateTime"][:10]
        rows = [
            self._row(order, kind, at)
            for order, kind, at in bookings
            if first <= _write(at)[:10] <= last
        ]
        return httpx.Response(
            200, json={"responseCode": "2001400", "hasMore": "N", "detailData": rows}
        )

    def _row(self, order: Order, kind: str, at: datetime) -> dict[str, object]:
        return {
            "amount": order.amount,
            "transactionDate": _write(at),
            "remark": self.remark(order.body.get("remark", "")),
            "type": kind,
        }

    def _tell_name(self, called: str, body: dict[str, Any]) -> httpx.Response:
        self.asked.append(body)
        service = "15" if called == "account-inquiry-internal" else "16"
        if self.name is None:
            status, case = self.refusal
            return httpx.Response(status, json={"responseCode": f"{status}{service}{case}"})
        return httpx.Response(
            200,
            json={
                "responseCode": f"200{service}00",
                "beneficiaryAccountNo": body["beneficiaryAccountNo"],
                "beneficiaryAccountName": self.name,
            },
        )


def _write(at: datetime) -> str:
    return at.astimezone(JAKARTA).isoformat(timespec="seconds")


def _answer(behaviour: str, body: dict[str, Any], service: str) -> httpx.Response:
    match behaviour:
        case "ok" | "foreign":
            reference = body["partnerReferenceNo"] if behaviour == "ok" else "of another transfer"
            stated = {
                "responseCode": f"200{service}00",
                "referenceNo": "R-1",
                "partnerReferenceNo": reference,
                "amount": body["amount"],
            }
            return httpx.Response(200, json=stated)
        case "lost":
            raise httpx.ReadTimeout("no answer")
        case "unheard":
            raise httpx.ConnectError("no connection")
        case "garbage":
            return httpx.Response(200, content=b"<html>")
        case "killed":
            raise Killed
    return httpx.Response(int(behaviour[:3]), json={"responseCode": behaviour})
