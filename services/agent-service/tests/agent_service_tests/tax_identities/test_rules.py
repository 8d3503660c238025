import pytest

from agent_service.holders.rules import HolderKind
from agent_service.tax_identities import rules
from agent_service.tax_identities.rules import TaxIdentityStatus, TaxIdentityVerdict
from perisai_kit.domain.nik import NikStatus


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("01.234.567.8-901.000", "012345678901000"),
        ("012345678901000", "012345678901000"),
        ("3510 1112 0390 0001", "3510111203900001"),
        ("35101112039000", None),
        ("35101112039000011", None),
        ("3510111203900O01", None),
        ("３５１０１１１２０３９００００１", None),
        ("0" * 15, None),
        ("", None),
    ],
)
def test_an_npwp_has_fifteen_or_sixteen_digits(written: str, digits: str | None) -> None:
    assert rules.parse_npwp(written) == digits


def test_only_an_agent_has_a_nik() -> None:
    assert rules.find_nik_status(HolderKind.AGENT, None) is NikStatus.UNVERIFIED
    assert rules.find_nik_status(HolderKind.AGENT, NikStatus.VALID) is NikStatus.VALID
    assert rules.find_nik_status(HolderKind.WADAH, None) is None
    with pytest.raises(rules.NikStatusMisplaced):
        rules.find_nik_status(HolderKind.WADAH, NikStatus.VALID)


def test_an_own_proposal_may_only_be_rejected() -> None:
    status = TaxIdentityStatus.PROPOSED
    rules.check_decision(status, verdict=TaxIdentityVerdict.REJECTED, is_own=True)
    rules.check_decision(status, verdict=TaxIdentityVerdict.APPROVED, is_own=False)

    with pytest.raises(rules.OwnTaxIdentityProposal):
        rules.check_decision(status, verdict=TaxIdentityVerdict.APPROVED, is_own=True)


@pytest.mark.parametrize("status", [TaxIdentityStatus.APPROVED, TaxIdentityStatus.REJECTED])
def test_a_decided_proposal_is_not_decided_again(status: TaxIdentityStatus) -> None:
    with pytest.raises(rules.TaxIdentityDecided):
        rules.check_decision(status, verdict=TaxIdentityVerdict.REJECTED, is_own=False)
