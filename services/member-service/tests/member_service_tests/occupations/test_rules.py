import re

import pytest

from member_service.occupations.rules import OCCUPATIONS, find_sector
from perisai_kit.domain.programmes import Sector


def test_every_code_can_be_sent_and_names_an_occupation_in_both_languages() -> None:
    for code, occupation in OCCUPATIONS.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
        assert occupation.code == code
        assert occupation.name
        assert occupation.name_id


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ride_hailing_rider", Sector.TRANSPORT),
        ("motorcycle_taxi_driver", Sector.TRANSPORT),
        ("courier", Sector.TRANSPORT),
        ("fisher", Sector.OTHER),
        ("market_trader", Sector.OTHER),
    ],
)
def test_drivers_and_couriers_are_transport_and_others_are_not(code: str, expected: Sector) -> None:
    assert find_sector([code]) is expected


def test_the_main_occupation_decides_the_sector() -> None:
    assert find_sector(["courier", "fisher"]) is Sector.TRANSPORT
    assert find_sector(["fisher", "courier"]) is Sector.OTHER
