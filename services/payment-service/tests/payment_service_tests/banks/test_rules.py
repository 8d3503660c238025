import pytest

from payment_service.banks import rules
from payment_service.banks.rules import PartnerStatus


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
        with pytest.raises(rules.BankPartnerStatusConflict):
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
