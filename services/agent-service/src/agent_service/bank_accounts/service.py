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
    """Return whether an account belongs to an applicant. The bank is asked outside a transaction.

    full_name: the applicant's. Another holder's account is not asked for.
    """
    if not is_same_name(full_name, account.holder_name):
        return rules.holder_is_not_applicant()
    try:
        verdict = await verify_account(payments, account)
    except Invalid:
        return requirement_rules.refused(Requirement.OWN_ACCOUNT)
    except DomainError as error:
        log.warning("account.unanswered", code=error.code)
        return requirement_rules.unanswered(Requirement.OWN_ACCOUNT)
    return rules.account_finding(verdict.outcome, designated=verdict.designated)
