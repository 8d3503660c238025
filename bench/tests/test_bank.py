import random
from collections import Counter

from bench.bank import add_repeats


def test_everything_is_sent_once_and_one_in_twenty_is_a_repeat() -> None:
    sent = list(add_repeats(range(10_000), chance=random.Random(1)))

    assert set(sent) == set(range(10_000))
    assert set(Counter(sent).values()) == {1, 2}
    assert 0.04 < (len(sent) - 10_000) / len(sent) < 0.06


def test_a_repeat_comes_soon_after_its_first() -> None:
    sent = list(add_repeats(range(10_000), chance=random.Random(2), within=50))

    places: dict[int, list[int]] = {}
    for place, number in enumerate(sent):
        places.setdefault(number, []).append(place)
    distances = [found[1] - found[0] for found in places.values() if len(found) == 2]

    assert min(distances) >= 1
    assert max(distances) < 100


def test_without_a_share_nothing_is_repeated() -> None:
    assert list(add_repeats("abc", chance=random.Random(3), share=0)) == ["a", "b", "c"]
