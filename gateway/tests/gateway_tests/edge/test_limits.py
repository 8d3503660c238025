import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.edge.limits import (
    PER_MINUTE,
    InFlight,
    Limiter,
    RateClass,
    SpacedQueue,
    TooManyAtOnce,
    Turns,
)

STANDARD = RateClass.STANDARD


def test_a_full_bucket_allows_a_minutes_worth_at_once_and_then_one_by_one() -> None:
    limiter = Limiter({"standard": 60})

    at_once = [limiter.take(STANDARD, "a", at=0).retry_after_s for _ in range(61)]
    a_second_later = limiter.take(STANDARD, "a", at=1)

    assert at_once == [0] * 60 + [1]
    assert (a_second_later.retry_after_s, a_second_later.remaining) == (0, 0)
    assert a_second_later.full_after_s == 60


def test_one_subject_does_not_use_up_anothers_or_another_class() -> None:
    limiter = Limiter({"standard": 1, "heavy": 1})
    limiter.take(STANDARD, "a", at=0)

    assert limiter.take(STANDARD, "a", at=0).retry_after_s == 60
    assert limiter.take(STANDARD, "b", at=0).retry_after_s == 0
    assert limiter.take(RateClass.HEAVY, "a", at=0).retry_after_s == 0


@given(
    st.integers(1, 100),
    st.lists(st.floats(0, 10, allow_nan=False), min_size=1, max_size=200),
)
def test_no_time_allows_more_than_a_bucket_and_its_refill(
    per_minute: int, pauses: list[float]
) -> None:
    limiter = Limiter({"standard": per_minute})
    at, allowed = 0.0, 0

    for pause in pauses:
        at += pause
        allowed += limiter.take(STANDARD, "a", at=at).retry_after_s == 0

    assert allowed <= per_minute + at * per_minute / 60 + 1e-6


def test_after_the_time_it_names_a_request_is_allowed() -> None:
    limiter = Limiter({"standard": 7})
    refused = next(
        each for each in iter(lambda: limiter.take(STANDARD, "a", at=0), None) if each.retry_after_s
    )

    again = limiter.take(STANDARD, "a", at=refused.retry_after_s)

    assert again.retry_after_s == 0


def test_memory_is_bounded() -> None:
    limiter = Limiter(most_buckets=100)

    for number in range(1000):
        limiter.take(STANDARD, str(number), at=0)

    assert len(limiter) == 100


def test_headers_are_structured_fields() -> None:
    headers = dict(Limiter().take(STANDARD, "a", at=0).headers)

    quota = PER_MINUTE[STANDARD]
    assert headers[b"ratelimit-policy"] == f'"standard";q={quota};w=60'.encode()
    assert headers[b"ratelimit"] == f'"standard";r={quota - 1};t=1'.encode()


async def test_a_subject_without_requests_is_forgotten_whenever_its_turn_came() -> None:
    turns = InFlight(limit=1, waiting=1, wait_s=60)
    await turns.acquire("a")
    waiting = asyncio.create_task(turns.acquire("a"))
    await asyncio.sleep(0)
    turns.release("a")  # the slot is free, and just then its waiter is cancelled
    waiting.cancel()
    await asyncio.wait([waiting])

    if not waiting.cancelled():
        turns.release("a")
    assert len(turns) == 0


async def test_turns_come_in_order_and_not_without_end() -> None:
    turns = InFlight(limit=1, waiting=2, wait_s=2)
    came: list[int] = []

    async def take(number: int) -> None:
        await turns.acquire("a")
        came.append(number)
        await asyncio.sleep(0)
        turns.release("a")

    await turns.acquire("a")
    waiting = [asyncio.create_task(take(number)) for number in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyAtOnce):
        await turns.acquire("a")
    turns.release("a")
    await asyncio.gather(*waiting)

    assert came == [0, 1]
    assert len(turns) == 0


def test_the_wait_is_read_without_being_counted() -> None:
    limiter = Limiter({"tokens": 1})
    before = limiter.wait_s(RateClass.TOKENS, "a", at=0)
    limiter.take(RateClass.TOKENS, "a", at=0)

    assert before == 0
    assert limiter.wait_s(RateClass.TOKENS, "a", at=0) == 60
    assert limiter.wait_s(RateClass.TOKENS, "a", at=59.5) == 1
    assert limiter.wait_s(RateClass.TOKENS, "a", at=60) == 0


async def test_requests_begin_in_order_and_one_that_has_gone_holds_nobody_up() -> None:
    turns, begun = Turns(most=1), []

    async def begin(number: int) -> None:
        if not turns.try_begin():
            await turns.begin()
        begun.append(number)

    requests = [asyncio.create_task(begin(number)) for number in range(6)]
    await asyncio.sleep(0)
    first = list(begun)
    requests[1].cancel()
    requests[3].cancel()
    await asyncio.gather(*requests, return_exceptions=True)
    later = asyncio.create_task(begin(6))
    await later

    assert first == [0]
    assert begun == [0, 2, 4, 5, 6]


async def test_so_many_begin_in_one_turn_and_no_more() -> None:
    turns = Turns(most=3)

    first = [turns.try_begin() for _ in range(5)]
    await asyncio.sleep(0)
    second = [turns.try_begin() for _ in range(5)]

    assert first == second == [True, True, True, False, False]


async def test_a_burst_goes_on_one_by_one_and_networks_take_turns() -> None:
    queue, begun = SpacedQueue(pause_s=0), []

    async def begin(network: str, number: int) -> None:
        await queue.wait(network)
        begun.append((network, number))

    requests = [asyncio.create_task(begin("a", number)) for number in range(5)]
    requests += [asyncio.create_task(begin("b", number)) for number in range(2)]
    await asyncio.sleep(0)
    first = list(begun)
    requests[2].cancel()
    await asyncio.gather(*requests, return_exceptions=True)

    assert first == [("a", 0)]
    assert begun == [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("a", 3), ("a", 4)]
