"""Two finance officers who close a month of a platform."""

from typing import Any

from stage.processes import Platform

from sandbox.demo import commission


async def agree_to_close(platform: Platform, month: str) -> dict[str, Any]:
    """Let one propose to close a month and another confirm it; return what was refused, if any."""
    async with platform.staff("finance1") as proposer, platform.staff("finance2") as approver:
        return await commission.agree_to_close(proposer, approver, month)


async def close_month(platform: Platform, month: str) -> dict[str, Any]:
    """Return how far the close of a month is, or the problem that it cannot begin."""
    refused = await agree_to_close(platform, month)
    if refused:
        return refused
    async with platform.staff("finance1") as officer:
        found: dict[str, Any] = await officer.get(f"/v1/commission-months/{month}/closing")
    return found
