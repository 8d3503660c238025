"""Processes that are killed, by chance for as long as something goes on, and come back."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from random import Random

from stage.processes import Platform
from stage.waiting import until

VICTIMS = ("gateway", "agent", "member", "payment", "postgres")


async def came_back(platform: Platform, killed: Mapping[str, int]) -> bool:
    """Tell whether others run in the place of those killed, and everything can serve."""
    back = all(platform.child(name) not in (None, pid) for name, pid in killed.items())
    return back and await platform.is_ready()


class Storm:
    """Kills one process every so many seconds, and waits until it is back."""

    def __init__(self, platform: Platform, *, every_s: float, seed: int) -> None:
        self.kills: Counter[str] = Counter()
        self._platform = platform
        self._every_s = every_s
        self._chance = Random(seed)
        self._over = asyncio.Event()

    def end(self) -> None:
        """Kill no more."""
        self._over.set()

    async def rage(self) -> None:
        """Go on until the end. Each of them dies once before chance alone decides."""
        waiting: list[str] = []
        while not await self._is_over_within(self._chance.uniform(0.5, 1.5) * self._every_s):
            if not waiting and not self.kills:
                waiting = self._chance.sample(VICTIMS, len(VICTIMS))
            victim = waiting.pop() if waiting else self._chance.choice(VICTIMS)
            await self._kill(victim)

    async def _kill(self, victim: str) -> None:
        killed = {victim: self._platform.kill(victim)}
        self.kills[victim] += 1
        assert await until(lambda: came_back(self._platform, killed)), f"{victim} stays away"

    async def _is_over_within(self, timeout_s: float) -> bool:
        try:
            await asyncio.wait_for(self._over.wait(), timeout_s)
        except TimeoutError:
            return False
        return True
