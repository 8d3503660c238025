import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.banks import rules
from payment_service.banks.rules import PartnerStatus


@pytest.mark.parametrize(
    ("stated", "held"),
    [
        ("Siti Nurhaliza", "SITI NURHALIZA"),
        ("Siti  Nurhaliza ", "SITI\tNURHALIZA"),
        ("Nur Haliza Siti", "SITI NUR HALIZA"),
        ("Nurhaliza", "NUR HALIZA"),
        ("Ma'ruf Amin", "MARUF AMIN"),
        ("Ma’ruf Amin", "MA'RUF AMIN"),
        ("Abdul Al-Amin", "AL AMIN ABDUL"),
        ("M. Yusuf", "M YUSUF"),
        ("José Santoso", "JOSE SANTOSO"),
    ],
)
def test_case_spaces_punctuation_and_order_do_not_part_a_name(stated: str, held: str) -> None:
    assert rules.same_name(stated, held)


@pytest.mark.parametrize(
    ("stated", "held"),
    [
        ("Siti Nurhaliza", "SITI NURHALIMA"),
        ("Siti Nurhaliza", "SITI"),
        ("Siti", "SITI SITI"),
        ("H. Yusuf", "YUSUF"),
        ("", ""),
        ("...", "---"),
        ("Yusuf", ""),
    ],
)
def test_other_names_do_not_match(stated: str, held: str) -> None:
    assert not rules.same_name(stated, held)


@given(st.text(max_size=60), st.text(max_size=60))
def test_matching_does_not_depend_on_which_name_comes_first(one: str, other: str) -> None:
    assert rules.same_name(one, other) == rules.same_name(other, one)


@given(
    st.lists(st.sampled_from(["siti", "nur", "haliza", "al", "amin"]), min_size=1).flatmap(
        lambda words: st.tuples(st.just(words), st.permutations(words))
    )
)
def test_any_order_of_the_words_matches(orders: tuple[list[str], list[str]]) -> None:
    stated, held = orders

    assert rules.same_name(" ".join(stated), " ".join(held).upper())


def test_without_named_sources_anybody_may_call() -> None:
    assert rules.sources([]).admit("198.51.100.7")


@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        ("203.0.113.5", True),
        ("203.0.113.16", False),
        ("198.51.100.7", True),
        ("::ffff:203.0.113.5", True),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("not an address", False),
        ("", False),
        (None, False),
    ],
)
def test_named_sources_admit_only_their_networks(address: str | None, admitted: bool) -> None:
    sources = rules.sources(["203.0.113.0/28", "198.51.100.7", "2001:db8::/32"])

    assert sources.admit(address) is admitted


def test_an_unreadable_source_names_its_place() -> None:
    with pytest.raises(rules.SourceUnusable) as refused:
        rules.sources(["203.0.113.0/28", "everywhere"])

    assert refused.value.field == "allowed_sources.1"


@pytest.mark.parametrize(
    ("at", "to", "allowed"),
    [
        (PartnerStatus.DRAFT, PartnerStatus.ACTIVE, True),
        (PartnerStatus.DRAFT, PartnerStatus.SUSPENDED, True),
        (PartnerStatus.ACTIVE, PartnerStatus.SUSPENDED, True),
        (PartnerStatus.SUSPENDED, PartnerStatus.ACTIVE, True),
        (PartnerStatus.ACTIVE, PartnerStatus.ACTIVE, False),
        (PartnerStatus.SUSPENDED, PartnerStatus.SUSPENDED, False),
        (PartnerStatus.ACTIVE, PartnerStatus.DRAFT, False),
    ],
)
def test_a_partner_moves_only_along_its_states(
    at: PartnerStatus, to: PartnerStatus, allowed: bool
) -> None:
    if allowed:
        rules.check_move(at=at, to=to)
    else:
        with pytest.raises(rules.BankPartnerState):
            rules.check_move(at=at, to=to)


@pytest.mark.parametrize(
    ("listed", "active", "designated"),
    [
        ((), ("009", "022"), True),
        ((), ("022",), False),
        (("009",), (), True),
        (("014",), ("009",), False),
    ],
)
def test_active_partners_are_designated_only_while_no_bank_is_listed(
    listed: tuple[str, ...], active: tuple[str, ...], designated: bool
) -> None:
    assert rules.is_designated("009", listed=listed, active=active) is designated
