"""Bank accounts: payment-service asks the bank."""

from agent_service.bank_accounts import rules
from agent_service.clients.payments import Account, verify_account
from agent_service.requirements import rules as requirement_rules
from agent_service.requirements.rules import Finding, Requirement
from perisai_kit.domain.errors import DomainError, Invalid
from perisai_kit.domain.names import is_same_name
from perisai_kit.runtime.log import get_logger
from perisai_kit.services.client import ServiceClient

log = get_logger()


async def check_account(payments: ServiceClient, account: Account, *, full_name: str) -> Finding:
    """Return whether an account belongs to an applicant. Call it outside a transaction.

    full_name: of the applicant. The bank is not asked about another holder's account.
    """
    if not is_same_name(full_name, account.holder_name):
        return rules.make_foreign_holder_finding()
    try:
        verdict = await verify_account(payments, account)
    except Invalid:
        return requirement_rules.make_refused_finding(Requirement.OWN_ACCOUNT)
    except DomainError as error:
        log.warning("account.unanswered", code=error.code)
        return requirement_rules.make_unanswered_finding(Requirement.OWN_ACCOUNT)
    return rules.judge_account(verdict.outcome, designated=verdict.designated)
