from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from gateway.codes import service
from gateway.codes.models import OtpChallenge, OtpOutboxEntry, ThrottleCount
from perisai_kit import clock


async def test_old_codes_and_counts_are_forgotten_and_new_ones_kept(gateway: Any) -> None:
    await gateway.code()
    later = clock.real_now() + timedelta(days=3)

    async with gateway.parts.database.begin() as session:
        await service.forget_old(session, now=clock.real_now())
        kept = await session.scalar(select(func.count()).select_from(OtpChallenge))
        await service.forget_old(session, now=later)
        left = [
            await session.scalar(select(func.count()).select_from(table))
            for table in (OtpChallenge, OtpOutboxEntry, ThrottleCount)
        ]

    assert kept == 1
    assert left == [0, 0, 0]
