"""Two at once, on a database of its own."""

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import func, select

from gateway.accounts.models import Account
from gateway.accounts.service import end_sessions, get_locked
from gateway.sessions.models import SignInSession


@pytest.mark.race
async def test_refreshes_at_the_same_time_get_the_same_successor(gateway: Any) -> None:
    session = await gateway.otp_session()

    answers = await asyncio.gather(*(gateway.refresh(session["refresh_token"]) for _ in range(5)))

    assert [each.status_code for each in answers] == [200] * 5
    assert len({each.json()["refresh_token"] for each in answers}) == 1
    async with gateway.parts.database.read() as db:
        generation = await db.scalar(select(SignInSession.generation))
    assert generation == 1


@pytest.mark.race
async def test_one_code_at_the_same_time_signs_in_once(gateway: Any) -> None:
    grant = await gateway.otp_grant()

    answers = await asyncio.gather(*(gateway.token(**grant) for _ in range(4)))

    assert sorted(each.status_code for each in answers) == [200, 401, 401, 401]
    async with gateway.parts.database.read() as db:
        assert await db.scalar(select(func.count()).select_from(SignInSession)) == 1
        assert await db.scalar(select(func.count()).select_from(Account)) == 1


@pytest.mark.race
async def test_wrong_codes_at_the_same_time_are_all_counted(gateway: Any) -> None:
    grant = await gateway.otp_grant()
    wrong = f"{(int(grant['code']) + 1) % 1_000_000:06d}"

    await asyncio.gather(*(gateway.token(**{**grant, "code": wrong}) for _ in range(5)))
    answer = await gateway.token(**grant)

    assert answer.status_code == 401


@pytest.mark.race
async def test_a_sign_in_that_waited_for_the_end_of_sessions_is_not_one_of_them(
    gateway: Any,
) -> None:
    account_id = uuid.UUID((await gateway.otp_session())["account_id"])
    grant = await gateway.otp_grant()

    async with gateway.parts.database.begin() as session:
        account = await get_locked(session, account_id=account_id)
        signing_in = asyncio.create_task(gateway.token(**grant))
        await gateway.waiters(1)
        end_sessions(account)
    signed_in = await signing_in

    assert signed_in.status_code == 200
    assert (await gateway.refresh(signed_in.json()["refresh_token"])).status_code == 200
