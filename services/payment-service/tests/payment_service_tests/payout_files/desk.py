"""Officers at the routes of payout files, and a bank that answers."""

import base64
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
from payment_service_tests.office import list_transfers
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.domain.ids import new_id

FILES = "/v1/payout-files"
ANSWER_HEADER = "reference,amount,status,bank_reference,reason,date\r\n"
Officer = Callable[[], dict[str, str]]


class Desk:
    """Officers at the routes of payout files."""

    def __init__(self, client: httpx.AsyncClient, officer: Officer) -> None:
        self._client, self.officer = client, officer

    async def make(self, run_id: UUID) -> dict[str, Any]:
        answer = await self._client.post(
            FILES, json={"run_id": str(run_id)}, headers=self.officer()
        )
        found: dict[str, Any] = answer.json()
        return found

    async def content(self, file_id: str) -> bytes:
        answer = await self._client.get(f"{FILES}/{file_id}/content", headers=self.officer())
        assert answer.status_code == 200, answer.text
        return answer.content

    async def answer(
        self,
        file_id: str,
        content: str,
        *,
        by: dict[str, str] | None = None,
        executed_on: str | None = None,
    ) -> dict[str, Any]:
        body = {"content": base64.b64encode(content.encode()).decode(), "executed_on": executed_on}
        headers = {**(by or self.officer()), "Idempotency-Key": str(new_id())}
        answer = await self._client.post(f"{FILES}/{file_id}/answers", json=body, headers=headers)
        found: dict[str, Any] = answer.json()
        return found

    async def decide(
        self,
        answer: dict[str, Any],
        verdict: str = "confirmed",
        *,
        by: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        headers = {**(by or self.officer()), "Idempotency-Key": str(new_id())}
        path = f"{FILES}/{answer['file_id']}/answers/{answer['id']}/decision"
        decided = await self._client.post(path, json={"verdict": verdict}, headers=headers)
        found: dict[str, Any] = decided.json()
        return found

    async def answers(self, file_id: str) -> list[dict[str, Any]]:
        answer = await self._client.get(f"{FILES}/{file_id}/answers", headers=self.officer())
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


def rows_of(content: bytes) -> list[list[str]]:
    header, *rows = content.decode().splitlines()
    assert header == "reference,bank_code,account_no,holder_name,amount,date,remark"
    return [each.split(",") for each in rows]


def answer_to(content: bytes, *outcomes: str, on: str | None = None) -> str:
    """Return a bank's answer to the first rows of a file, by default on the day of the file.

    on: the day of each row; empty: the bank states none.
    """
    lines = [
        f"{cells[0]},{cells[4]},{outcome},BANK-{number},"
        f"{'' if outcome == 'PAID' else 'R13'},{cells[5] if on is None else on}"
        for number, (cells, outcome) in enumerate(zip(rows_of(content), outcomes, strict=False), 1)
    ]
    return ANSWER_HEADER + "\r\n".join(lines) + "\r\n"


async def statuses(session: AsyncSession, run_id: UUID) -> list[str]:
    return [each.status.value for each in await list_transfers(session, run_id)]


def count_contradictions() -> float:
    """Return how often an answer to a file has contradicted what is settled."""
    name, labels = "payment_payout_contradictions_total", {"source": "bank_file"}
    counted = REGISTRY.get_sample_value(name, labels)
    assert counted is not None, "the first one would not be seen as an increase"
    return counted
