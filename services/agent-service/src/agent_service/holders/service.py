"""Holders of bank accounts and tax identities: look them up, and check who acts for them."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agents import service as agents
from agent_service.agents.rules import Person
from agent_service.branches import service as branches
from agent_service.holders import rules
from agent_service.holders.rules import Acting, Holder, HolderKind
from agent_service.wadahs import service as wadahs
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain.errors import check_one_given


async def get(
    session: AsyncSession, kind: HolderKind, holder_id: UUID, *, principal: Principal
) -> Holder:
    """Return a holder whom the subject may see, and record the reading of an agent.

    Raises: AgentNotFound, WadahNotFound.
    """
    match kind:
        case HolderKind.AGENT:
            agent = await agents.get_visible(session, holder_id, principal=principal)
            return Holder(
                kind=kind,
                id=agent.id,
                name=agent.full_name,
                branch_code=agent.branch_code,
                region_code=agent.region_code,
                person=Person(agent.account_id, frozenset({agent.member_id}), agent.id),
            )
        case HolderKind.WADAH:
            wadah = await wadahs.get_managed(session, holder_id, principal=principal)
            return Holder(
                kind=kind,
                id=wadah.id,
                name=wadah.name,
                branch_code=wadah.branch_code,
                region_code=wadah.region_code,
                person=None,
            )


async def get_named(
    session: AsyncSession, *, agent_id: UUID | None, wadah_id: UUID | None, principal: Principal
) -> Holder:
    """Return the one holder that a request names.

    Raises: HolderUnclear, AgentNotFound, WadahNotFound.
    """
    check_one_given(rules.HolderUnclear, agent_id=agent_id, wadah_id=wadah_id)
    if agent_id is not None:
        return await get(session, HolderKind.AGENT, agent_id, principal=principal)
    assert wadah_id is not None, "checked above"
    return await get(session, HolderKind.WADAH, wadah_id, principal=principal)


def check_may_propose(holder: Holder, by: Principal) -> None:
    """Check that the holder, or an officer in scope, proposes.

    Raises: Forbidden, BranchOutOfScope.
    """
    acting = _make_acting(by)
    rules.check_may_propose(holder, acting)
    if not rules.is_own(holder.kind, holder.id, acting):
        _check_office(holder, by)


def check_may_decide(holder: Holder, by: Principal) -> None:
    """Check that an officer in scope, who is not the holder, decides.

    Raises: OwnCase, BranchOutOfScope.
    """
    rules.check_may_decide(holder, _make_acting(by))
    _check_office(holder, by)


def is_own(kind: HolderKind, holder_id: UUID, by: Principal) -> bool:
    """Tell whether the subject is this agent, or administers this wadah."""
    return rules.is_own(kind, holder_id, _make_acting(by))


def _check_office(holder: Holder, by: Principal) -> None:
    branches.check_in_scope(by, branch_code=holder.branch_code, region_code=holder.region_code)


def _make_acting(by: Principal) -> Acting:
    return Acting(
        person=agents.make_person(by),
        is_officer=by.has(Role.BRANCH_OFFICER),
        agent_id=by.agent_id if by.has(Role.AGENT) else None,
        wadah_id=by.wadah_id if by.has(Role.WADAH_ADMIN) else None,
    )
