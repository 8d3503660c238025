"""Bank accounts: whose they are, how they change, and when payouts wait.

Source: docs/domain.md, Becoming an agent (Perban 1/2023 art. 7) and Audit and anti-fraud list.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from agent_service.holders.rules import Holder, HolderKind
from agent_service.requirements.rules import (
    Finding,
    Requirement,
    RequirementOutcome,
    make_refused_finding,
    make_unanswered_finding,
)
from perisai_kit.domain.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from perisai_kit.domain.names import is_same_name


class BankAccountStatus(StrEnum):
    PROPOSED = "proposed"
    REJECTED = "rejected"
    CURRENT = "current"
    REPLACED = "replaced"


class BankAccountVerdict(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"


class NameMatch(StrEnum):
    """What a bank answered about the holder. unknown: it gave no answer, so it is asked again."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_FOUND = "not_found"
    NOT_DESIGNATED = "not_designated"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class BankAccountNotFound(NotFound):
    code = "bank_account_not_found"
    text = "There is no such bank account, or you may not see it."
    text_id = "Rekening bank tidak ditemukan, atau Anda tidak berwenang melihatnya."


class BankAccountProposalOpen(Conflict):
    code = "bank_account_proposal_open"
    text = "There is an open proposal for another bank account. It must be decided first."
    text_id = "Masih ada usulan perubahan rekening yang belum diputuskan."


class BankAccountDecided(Conflict):
    """`details` holds `status`."""

    code = "bank_account_decided"
    text = "This bank account has been decided. Propose another one."
    text_id = "Rekening ini sudah diputuskan. Usulkan rekening lain."


class OwnBankAccountProposal(Forbidden):
    code = "own_bank_account_proposal"
    text = "You cannot approve your own proposal. Another officer must decide."
    text_id = "Anda tidak dapat menyetujui usulan sendiri. Harus diputuskan petugas lain."


class BankAccountUnverified(Conflict):
    """`details["name_match"]` is the bank's latest answer; null: it has not been asked."""

    code = "bank_account_unverified"
    text = "The bank has not confirmed the holder of this account. Verify it first."
    text_id = "Bank belum mengonfirmasi pemilik rekening ini. Verifikasi rekening terlebih dahulu."


class BankAccountOfAnother(Invalid):
    code = "bank_account_of_another"
    text = "An agent is paid at an account in their own name. Check the holder's name."
    text_id = "Rekening agen harus atas nama sendiri. Periksa nama pemilik rekening."


class TooManyInquiries(TooMany):
    code = "too_many_inquiries"
    text = "The bank was asked about this account too often. Reject it and propose it again."
    text_id = "Rekening ini sudah terlalu sering ditanyakan ke bank. Tolak lalu usulkan lagi."


def judge_answer(outcome: str, *, designated: bool) -> NameMatch:
    """Judge a bank's answer. outcome: match, mismatch, not_found or unknown."""
    return NameMatch(outcome) if designated else NameMatch.NOT_DESIGNATED


def make_account_finding(answer: NameMatch) -> Finding:
    """Return the finding on whether an account is the applicant's own."""
    name = Requirement.OWN_ACCOUNT.value
    match answer:
        case NameMatch.MATCH:
            return Finding(name, RequirementOutcome.MET)
        case NameMatch.MISMATCH:
            return Finding(name, RequirementOutcome.UNMET, "account_of_another")
        case NameMatch.NOT_FOUND:
            return Finding(name, RequirementOutcome.UNMET, "account_not_found")
        case NameMatch.NOT_DESIGNATED:
            return Finding(name, RequirementOutcome.UNMET, "bank_not_designated")
        case NameMatch.REFUSED:
            return make_refused_finding(Requirement.OWN_ACCOUNT)
        case NameMatch.UNKNOWN:
            return make_unanswered_finding(Requirement.OWN_ACCOUNT)
        case _:
            assert_never(answer)


def make_foreign_holder_finding() -> Finding:
    """Return the finding of an account that is declared as another person's."""
    return Finding(
        Requirement.OWN_ACCOUNT.value, RequirementOutcome.UNMET, "holder_is_not_applicant"
    )


def make_corrected_finding() -> Finding:
    """Return the finding of an account that was corrected: it must be verified again."""
    return Finding(
        Requirement.OWN_ACCOUNT.value, RequirementOutcome.UNMET, "account_not_verified_again"
    )


def check_holder_name(holder: Holder, holder_name: str) -> None:
    """Check that the account of an agent is in the agent's name.

    A wadah that is no legal entity has an account in a person's name; an officer judges that.
    Raises: BankAccountOfAnother.
    """
    if holder.kind is HolderKind.AGENT and not is_same_name(holder.name, holder_name):
        raise BankAccountOfAnother(field="holder_name")


def check_open(status: BankAccountStatus) -> None:
    """Check that a proposal is not decided. Raises: BankAccountDecided."""
    if status is not BankAccountStatus.PROPOSED:
        raise BankAccountDecided(status=status.value)


def check_inquiries(count: int, *, limit: int) -> None:
    """Check the number of inquiries, because each asks a bank. Raises: TooManyInquiries."""
    if count >= limit:
        raise TooManyInquiries


def check_decision(
    status: BankAccountStatus,
    *,
    verdict: BankAccountVerdict,
    is_own: bool,
    name_match: NameMatch | None,
) -> None:
    """Refuse a decision on a decided account, on one's own proposal, or without the bank's word.

    One's own or an unverified proposal may still be rejected.
    Raises: BankAccountDecided, OwnBankAccountProposal, BankAccountUnverified.
    """
    check_open(status)
    if verdict is BankAccountVerdict.REJECTED:
        return
    if is_own:
        raise OwnBankAccountProposal
    if name_match is not NameMatch.MATCH:
        raise BankAccountUnverified(name_match=name_match and name_match.value)


def find_frozen_until(decided_at: datetime, *, hours: int) -> datetime | None:
    """Return until when payouts to a changed account wait; None for no wait."""
    return decided_at + timedelta(hours=hours) if hours else None


def find_first_status(*, is_verified: bool) -> BankAccountStatus:
    """Return the status of the account of an approved application.

    It is rejected where no bank has confirmed it.
    """
    return BankAccountStatus.CURRENT if is_verified else BankAccountStatus.REJECTED


def describe_account(bank_code: str, account_no: str) -> str:
    """Return what the keyed hash of an account is made of."""
    return f"{bank_code.upper()}:{account_no}"
