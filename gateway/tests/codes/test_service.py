from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from gateway.codes import service
from gateway.codes.models import OtpChallenge, OtpOutboxEntry
from gateway.throttles import service as throttles
from gateway.throttles.models import KnownDevice, ThrottleCount
from perisai_kit import clock


async def test_old_codes_and_counts_are_forgotten_and_new_ones_kept(gateway: Any) -> None:
    await gateway.otp_session()
    await gateway.code()
    tables = (OtpChallenge, OtpOutboxEntry, ThrottleCount, KnownDevice)

    async def forget(days: int) -> list[int]:
        now = clock.real_now() + timedelta(days=days)
        async with gateway.parts.database.begin() as session:
            await service.forget_old(session, now=now)
            await throttles.forget_old(session, now=now)
            return [await session.scalar(select(func.count()).select_from(each)) for each in tables]

    at_once, after_days, after_months = await forget(0), await forget(3), await forget(181)

    assert all(at_once)
    assert after_days == [0, 0, 0, 1]
    assert after_months == [0, 0, 0, 0]
