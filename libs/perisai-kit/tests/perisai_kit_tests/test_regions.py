import pytest

from perisai_kit.domain.regions import get_region_name, is_known_region, list_place_names


def test_a_district_is_named_with_regency_and_province() -> None:
    assert get_region_name("351011") == "Kalibaru, Kab. Banyuwangi, Jawa Timur"


@pytest.mark.parametrize("code", ["999999", "920101", "", "3510", "351011x", "３５１０１１"])
def test_a_code_not_in_force_has_no_name(code: str) -> None:
    assert get_region_name(code) is None
    assert not is_known_region(code)


def test_places_are_named_without_their_kind() -> None:
    names = set(list_place_names())

    assert {
        "banyuwangi",
        "surabaya",
        "jawa timur",
        "jawatimur",
        "aceh",
        "jakarta",
        "dki jakarta",
    } <= names
    assert not any(name.startswith(("kab.", "kota ")) for name in names)
