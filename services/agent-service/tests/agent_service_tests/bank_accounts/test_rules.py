from datetime import UTC, datetime, timedelta

import pytest

from agent_service.bank_accounts import rules
from agent_service.bank_accounts.rules import BankAccountStatus, BankAccountVerdict, NameMatch
from agent_service.holders.rules import Holder, HolderKind
from agent_service.requirements.rules import RequirementOutcome
from perisai_kit.domain.errors import DomainError
from perisai_kit.domain.ids import new_id

NOON = datetime(2026, 11, 29, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("outcome", "designated", "expected"),
    [
        ("match", True, (RequirementOutcome.MET, None)),
        ("mismatch", True, (RequirementOutcome.UNMET, "account_of_another")),
        ("not_found", True, (RequirementOutcome.UNMET, "account_not_found")),
        ("unknown", True, (RequirementOutcome.UNKNOWN, "no_answer")),
        ("match", False, (RequirementOutcome.UNMET, "bank_not_designated")),
        ("unknown", False, (RequirementOutcome.UNMET, "bank_not_designated")),
    ],
)
def test_the_account_must_be_the_applicants_own_at_a_designated_bank(
    outcome: str, designated: bool, expected: tuple[RequirementOutcome, str | None]
) -> None:
    answer = rules.judge_answer(outcome, designated=designated)

    finding = rules.make_account_finding(answer)

    assert (finding.outcome, finding.reason_code) == expected


def make_holder(kind: HolderKind, name: str) -> Holder:
    return Holder(kind, new_id(), name, "BWI", "JTM", None)


def test_an_agent_has_an_account_in_the_own_name_and_a_wadah_in_any() -> None:
    rules.check_holder_name(make_holder(HolderKind.AGENT, "Siti Aminah"), "AMINAH SITI")
    rules.check_holder_name(make_holder(HolderKind.WADAH, "Rukun Nelayan"), "Budi Santoso")

    with pytest.raises(rules.BankAccountOfAnother):
        rules.check_holder_name(make_holder(HolderKind.AGENT, "Siti Aminah"), "Budi Santoso")


@pytest.mark.parametrize("status", sorted(set(BankAccountStatus) - {BankAccountStatus.PROPOSED}))
@pytest.mark.parametrize("verdict", BankAccountVerdict)
def test_a_decided_account_is_not_decided_again(
    status: BankAccountStatus, verdict: BankAccountVerdict
) -> None:
    with pytest.raises(rules.BankAccountDecided):
        rules.check_decision(status, verdict=verdict, is_own=False, name_match=NameMatch.MATCH)


@pytest.mark.parametrize(
    ("is_own", "name_match", "refusal"),
    [
        (False, NameMatch.MATCH, None),
        (True, NameMatch.MATCH, rules.OwnBankAccountProposal),
        (False, None, rules.BankAccountUnverified),
        *(
            (False, each, rules.BankAccountUnverified)
            for each in NameMatch
            if each is not NameMatch.MATCH
        ),
    ],
)
def test_only_another_person_approves_an_account_that_the_bank_has_confirmed(
    is_own: bool, name_match: NameMatch | None, refusal: type[DomainError] | None
) -> None:
    def decide(verdict: BankAccountVerdict) -> None:
        rules.check_decision(
            BankAccountStatus.PROPOSED, verdict=verdict, is_own=is_own, name_match=name_match
        )

    decide(BankAccountVerdict.REJECTED)
    if refusal is None:
        decide(BankAccountVerdict.APPROVED)
    else:
        with pytest.raises(refusal):
            decide(BankAccountVerdict.APPROVED)


def test_payouts_wait_for_the_configured_hours() -> None:
    assert rules.find_frozen_until(NOON, hours=72) == NOON + timedelta(days=3)
    assert rules.find_frozen_until(NOON, hours=0) is None


@pytest.mark.parametrize(
    ("is_verified", "expected"),
    [(True, BankAccountStatus.CURRENT), (False, BankAccountStatus.REJECTED)],
)
def test_the_account_of_an_application_is_current_if_a_bank_confirmed_it(
    is_verified: bool, expected: BankAccountStatus
) -> None:
    assert rules.find_first_status(is_verified=is_verified) is expected


def test_inquiries_are_bounded() -> None:
    rules.check_inquiries(19, limit=20)

    with pytest.raises(rules.TooManyInquiries):
        rules.check_inquiries(20, limit=20)
