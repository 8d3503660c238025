"""The calendar agrees with a naive one, in any order of the facts."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random

import pytest
from member_service_tests.registrations import oracle
from member_service_tests.registrations.histories import BEGIN, DAYS, random_history

from member_service.coverage.rules import Cover, find_coverage
from member_service.registrations.rules import Allocation, History, WaitingMonth

FEW = 400
MANY = 20_000
MOMENTS = 12


def test_a_naive_calendar_finds_the_same() -> None:
    compare(range(FEW))


@pytest.mark.soak
def test_a_naive_calendar_finds_the_same_in_many_histories() -> None:
    compare(range(FEW, FEW + MANY))


def compare(seeds: range) -> None:
    for seed in seeds:
        chance = Random(seed)
        history = random_history(chance)
        judged, walked = history.judged(), history.walked()
        assert registrations(judged) == memberships(walked), f"seed {seed}"
        assert answers(judged) == verdicts(history.allocations, walked), f"seed {seed}"
        assert history.judged(order=chance) == judged, f"seed {seed}"
        for _ in range(MOMENTS):
            at = oracle.start_of(BEGIN) + timedelta(minutes=chance.randrange(DAYS * 1440))
            assert is_covered(judged, at) == oracle.is_covered(walked, at), f"seed {seed} {at}"


def registrations(judged: History) -> list[object]:
    return [
        (each.began_at, each.first_month, sorted(each.paid), each.ends_on, each.end_reason.value)
        for each in judged.registrations
    ]


def memberships(walked: oracle.Verdicts) -> list[object]:
    return [
        (each.began_at, each.first_month, sorted(each.payer_of), each.ended_on, each.reason)
        for each in walked.memberships
    ]


def answers(judged: History) -> dict[object, object]:
    return {
        key: (each.declined and each.declined.value, set(each.withdrawn))
        for key, each in judged.answers.items()
    }


def verdicts(allocations: Iterable[Allocation], walked: oracle.Verdicts) -> dict[object, object]:
    return {
        each.id: (walked.declined.get(each.id), walked.withdrawn.get(each.id, set()))
        for each in allocations
    }


def is_covered(judged: History, at: datetime) -> bool:
    found = find_coverage(judged, at=at, known_at=at, off=frozenset(), waiting=WaitingMonth.OVER)
    return found.cover is Cover.COVERED
