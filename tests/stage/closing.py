"""Two finance officers who close a month of a platform."""

import uuid
from typing import Any

from stage.processes import Platform

AGREED = ("month_closing_proposed", "month_closing_decided", "month_closed")
"""What a repeated proposal or decision is refused with."""


async def agree_to_close(platform: Platform, month: str) -> dict[str, Any]:
    """Let one propose to close a month and another confirm it; return what was refused, if any."""
    path = f"/v1/commission-months/{month}/closing"
    for name, address, body in (
        ("finance1", path, None),
        ("finance2", f"{path}/decision", {"verdict": "confirmed"}),
    ):
        async with platform.staff(name) as officer:
            answer: dict[str, Any] = await officer.call(
                "POST",
                address,
                json=body,
                headers={"Idempotency-Key": str(uuid.uuid4())},
                expect=(200, 201, 409),
            )
        if answer.get("code") not in (None, *AGREED):
            return answer
    return {}


async def close_month(platform: Platform, month: str) -> dict[str, Any]:
    """Return how far the close of a month is, or the problem that it cannot begin."""
    refused = await agree_to_close(platform, month)
    if refused:
        return refused
    async with platform.staff("finance1") as officer:
        found: dict[str, Any] = await officer.get(f"/v1/commission-months/{month}/closing")
    return found
