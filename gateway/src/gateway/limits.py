"""How often one account, or one address, may ask: token buckets, in the memory of one process.

Each process of the gateway counts for itself. The counts that guard signing in are in the
database (codes/); these here only keep one caller from taking the place of the others.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import NamedTuple

WINDOW_S = 60
MOST_BUCKETS = 100_000
"""About 30 MB; the one unused for the longest goes first, and would be full again anyway."""


class RateClass(StrEnum):
    PUBLIC = "public"
    """Per address."""
    AUTH = "auth"
    """Per address; many telephones share one address of a mobile network."""
    STANDARD = "standard"
    """Per account."""
    HEAVY = "heavy"
    """Per account: a request that makes much work."""


PER_MINUTE: Mapping[RateClass, int] = {
    RateClass.PUBLIC: 600,
    RateClass.AUTH: 600,
    RateClass.STANDARD: 600,
    RateClass.HEAVY: 60,
}
"""Our own choices, far above what a person needs; `Settings.rate_limits` changes them."""


class Allowance(NamedTuple):
    """What one request found. retry_after_s: 0 where it is allowed."""

    rate_class: RateClass
    per_minute: int
    remaining: int
    full_after_s: int
    retry_after_s: int

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """RateLimit fields. Source: draft-ietf-httpapi-ratelimit-headers-10."""
        name = self.rate_class.encode()
        limit = b'"%b";r=%d;t=%d' % (name, self.remaining, self.full_after_s)
        return [_policy(name, self.per_minute), (b"ratelimit", limit)]


@cache  # classes and their limits are few
def _policy(name: bytes, per_minute: int) -> tuple[bytes, bytes]:
    return b"ratelimit-policy", b'"%b";q=%d;w=%d' % (name, per_minute, WINDOW_S)


class Limiter:
    """One bucket for each (rate class, subject): as many at once as in a minute, then evenly."""

    def __init__(
        self, per_minute: Mapping[str, int] | None = None, *, most_buckets: int = MOST_BUCKETS
    ) -> None:
        """per_minute: instead of the defaults, by the name of the rate class."""
        changed = per_minute or {}
        self._per_minute = {each: changed.get(each, PER_MINUTE[each]) for each in RateClass}
        self._buckets: OrderedDict[tuple[RateClass, str], tuple[float, float]] = OrderedDict()
        self._most = most_buckets

    def take(self, rate_class: RateClass, subject: str, *, at: float) -> Allowance:
        """Count one request. at: seconds of a clock that only goes forward."""
        capacity = self._per_minute[rate_class]
        a_second = capacity / WINDOW_S
        key = (rate_class, subject)
        tokens, since = self._buckets.pop(key, (float(capacity), at))
        tokens = min(capacity, tokens + (at - since) * a_second)
        allowed = tokens >= 1
        if allowed:
            tokens -= 1
        self._buckets[key] = (tokens, at)  # at the end: the first is the one unused longest
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return Allowance(
            rate_class,
            capacity,
            remaining=int(tokens),
            full_after_s=math.ceil((capacity - tokens) / a_second),
            retry_after_s=0 if allowed else max(1, math.ceil((1 - tokens) / a_second)),
        )

    def __len__(self) -> int:
        return len(self._buckets)
