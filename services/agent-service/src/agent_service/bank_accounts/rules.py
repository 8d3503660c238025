"""Whether a bank account is the applicant's own.

Source: docs/domain.md, Becoming an agent (Perban 1/2023 art. 7).
"""

from agent_service.requirements.rules import (
    Finding,
    Requirement,
    RequirementOutcome,
    make_unanswered_finding,
)

ACCOUNT_REASONS = {
    "mismatch": "account_of_another",
    "not_found": "account_not_found",
}


def judge_account(outcome: str, *, designated: bool) -> Finding:
    """Judge the bank's answer about the account.

    outcome: whether the bank knows the holder, one of match, mismatch, not_found, unknown.
    """
    name = Requirement.OWN_ACCOUNT.value
    if not designated:
        return Finding(name, RequirementOutcome.UNMET, "bank_not_designated")
    if outcome == "match":
        return Finding(name, RequirementOutcome.MET)
    if outcome in ACCOUNT_REASONS:
        return Finding(name, RequirementOutcome.UNMET, ACCOUNT_REASONS[outcome])
    return make_unanswered_finding(Requirement.OWN_ACCOUNT)


def make_foreign_holder_finding() -> Finding:
    """Return the finding of an account that is declared as another person's."""
    return Finding(
        Requirement.OWN_ACCOUNT.value, RequirementOutcome.UNMET, "holder_is_not_applicant"
    )
