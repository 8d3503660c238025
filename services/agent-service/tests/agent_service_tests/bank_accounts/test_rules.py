import pytest

from agent_service.bank_accounts import rules
from agent_service.requirements.rules import RequirementOutcome


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
    finding = rules.judge_account(outcome, designated=designated)

    assert (finding.outcome, finding.reason_code) == expected
