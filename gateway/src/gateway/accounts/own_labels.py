"""What an account is called to its own owner: people's names stand in other services.

The label that is stored for a person is masked, because it is also offered to others who share the
telephone. The whole name is asked with the reader's own token, so the service that has it decides,
no copy stands here, and nobody else can get it this way.
"""

from gateway.accounts.models import Account
from gateway.accounts.rules import AccountKind
from gateway.clients import agents, members
from gateway.parts import Parts
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain.errors import DomainError
from perisai_kit.runtime.log import get_logger

NAME_WITHIN_S = 2.0
"""An app's first question is answered with the masked label rather than late."""

log = get_logger()


async def find_own_label(
    parts: Parts, account: Account, *, principal: Principal, authorization: str
) -> str:
    """Return the name of a person whole, or their telephone number while they have no name.

    It is the masked label where no answer comes in time. Staff have their label. Call it outside
    of a transaction. authorization: the header of the request.
    """
    if account.kind != AccountKind.PERSON:
        return account.display_label
    try:
        if principal.has(Role.MEMBER) and principal.member_id is not None:
            return await members.read_own_name(
                parts.members,
                principal.member_id,
                authorization=authorization,
                timeout_s=NAME_WITHIN_S,
            )
        if principal.has(Role.AGENT):
            return await agents.read_own_name(
                parts.agents, authorization=authorization, timeout_s=NAME_WITHIN_S
            )
    except DomainError as error:
        log.warning("own_name.omitted", error=type(error).__name__)
        return account.display_label
    return account.phone or account.display_label
