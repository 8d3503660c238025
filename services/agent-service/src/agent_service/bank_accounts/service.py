"""Bank accounts: proposed, verified by payment-service at a bank, decided by another person."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agents.models import Agent
from agent_service.bank_accounts import queries, rules
from agent_service.bank_accounts.models import BankAccount
from agent_service.bank_accounts.rules import BankAccountStatus, BankAccountVerdict, NameMatch
from agent_service.bank_accounts.schemas import NewBankAccount
from agent_service.clients.payments import Account, verify_account
from agent_service.holders import queries as holder_queries
from agent_service.holders import service as holders
from agent_service.holders.rules import Holder, HolderKind
from agent_service.requirements import service as requirements
from agent_service.requirements.rules import Finding, Requirement
from agent_service.scopes import OFFICES
from agent_service.settings import Settings
from perisai_kit.auth.principal import Principal
from perisai_kit.db.bulk import insert_once
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.errors import DomainError, Invalid
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.names import is_same_name
from perisai_kit.events.catalogue import BankAccountChanged
from perisai_kit.events.outbox import publish
from perisai_kit.http.paging import Slice, cut_page, read_cursor
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.privacy.read_audit import audit_read
from perisai_kit.runtime.log import get_logger
from perisai_kit.services.client import ServiceClient

log = get_logger()


@dataclass(frozen=True, slots=True)
class Shown:
    """An account.

    is_own: whether it is that of the subject, or of the wadah that the subject administers.
    shared_with: how many other holders have it too; None: not for this subject.
    """

    account: BankAccount
    is_own: bool
    shared_with: int | None


async def check_account(payments: ServiceClient, account: Account, *, full_name: str) -> Finding:
    """Return whether an account belongs to an applicant. Call it outside a transaction.

    full_name: of the applicant. The bank is not asked about another holder's account.
    """
    if not is_same_name(full_name, account.holder_name):
        return rules.make_foreign_holder_finding()
    return rules.make_account_finding(await _ask_bank(payments, account))


async def propose(
    session: AsyncSession, new: NewBankAccount, *, by: Principal, keyring: Keyring
) -> Shown:
    """Propose an account instead of the current one; it is not verified yet.

    Raises: HolderUnclear, AgentNotFound, WadahNotFound, Forbidden, BranchOutOfScope,
    BankAccountOfAnother, BankAccountProposalOpen.
    """
    holder = await holders.get_named(
        session, agent_id=new.agent_id, wadah_id=new.wadah_id, principal=by
    )
    holders.check_may_propose(holder, by)
    rules.check_holder_name(holder, new.holder_name)
    account = Account(new.bank_code, new.account_no, new.holder_name)
    row = _make_row(
        (holder.kind, holder.id), account, keyring, proposed_by=by.account_id, at=clock.now()
    )
    row.status = BankAccountStatus.PROPOSED
    made = await insert_once(session, row)
    if made is None:
        raise rules.BankAccountProposalOpen
    return await _show(session, made, by)


async def verify(
    database: Database,
    bank_account_id: UUID,
    *,
    by: Principal,
    payments: ServiceClient,
    settings: Settings,
) -> Shown:
    """Ask the bank whether a proposed account is its stated holder's, and store the answer.

    The bank is asked between two transactions. Without an answer it can be asked again.
    Raises: BankAccountNotFound, Forbidden, BranchOutOfScope, BankAccountDecided, TooManyInquiries.
    """
    async with database.begin() as session:
        proposed = await _lock_proposed(session, bank_account_id, by=by)
        holders.check_may_propose(await _holder(session, proposed, by), by)
        rules.check_inquiries(proposed.inquiry_count, limit=settings.verification_daily_limit)
        # Counted before the bank is asked, so that requests at once cannot pass the limit.
        proposed.inquiry_count += 1
        account = Account(proposed.bank_code, proposed.account_no, proposed.holder_name)
    match = await _ask_bank(payments, account)
    async with database.begin() as session:
        proposed = await _lock_proposed(session, bank_account_id, by=by)
        if match is not NameMatch.UNKNOWN or proposed.name_match is None:
            proposed.name_match, proposed.verified_at = match, clock.now()
        await session.flush()
        return await _show(session, proposed, by)


async def decide(
    session: AsyncSession,
    bank_account_id: UUID,
    *,
    verdict: BankAccountVerdict,
    by: Principal,
    settings: Settings,
) -> Shown:
    """Approve or reject a proposed account; an approved one replaces the current one.

    Raises: BankAccountNotFound, OwnCase, BranchOutOfScope, BankAccountDecided,
    OwnBankAccountProposal, BankAccountUnverified.
    """
    seen = holder_queries.is_visible_to(by, BankAccount.holder_id)
    proposed = await queries.get_visible(session, bank_account_id, seen, lock=True)
    holders.check_may_decide(await _holder(session, proposed, by), by)
    rules.check_decision(
        proposed.status,
        verdict=verdict,
        is_own=proposed.proposed_by == by.account_id,
        name_match=proposed.name_match,
    )
    now = clock.now()
    if verdict is BankAccountVerdict.APPROVED:
        await _replace_current(session, proposed.holder_id)
        proposed.status = BankAccountStatus.CURRENT
        proposed.payouts_frozen_until = rules.find_frozen_until(
            now, hours=settings.account_change_freeze_h
        )
    else:
        proposed.status = BankAccountStatus.REJECTED
    proposed.decided_by, proposed.decided_at = by.account_id, now
    await session.flush()
    if verdict is BankAccountVerdict.APPROVED:
        await publish(session, _make_event(proposed, at=now))
    return await _show(session, proposed, by)


async def _replace_current(session: AsyncSession, holder_id: UUID) -> None:
    current = await queries.lock_current(session, holder_id)
    if current is not None:
        current.status = BankAccountStatus.REPLACED
        await session.flush()  # at most one is current at any time


async def record_first(
    session: AsyncSession,
    agent: Agent,
    account: Account,
    *,
    approved_by: UUID,
    keyring: Keyring,
) -> None:
    """Store the account of an approved application, without a freeze, and publish it.

    One that no bank has confirmed publishes nothing.
    """
    verified_at = await requirements.find_met_at(
        session, agent.application_id, Requirement.OWN_ACCOUNT
    )
    row = _make_row(
        (HolderKind.AGENT, agent.id),
        account,
        keyring,
        proposed_by=agent.account_id,
        at=agent.activated_at,
    )
    row.is_first = True
    if verified_at is not None:
        row.name_match, row.verified_at = NameMatch.MATCH, verified_at
    row.status = rules.find_first_status(is_verified=verified_at is not None)
    row.decided_by, row.decided_at = approved_by, agent.activated_at
    session.add(row)
    if row.status is BankAccountStatus.CURRENT:
        await publish(session, _make_event(row, at=agent.activated_at))


async def get_visible(
    session: AsyncSession, bank_account_id: UUID, *, principal: Principal
) -> Shown:
    """Return an account that the subject may see. Raises: BankAccountNotFound."""
    seen = holder_queries.is_visible_to(principal, BankAccount.holder_id)
    account = await queries.get_visible(session, bank_account_id, seen)
    return await _show(session, account, principal)


async def list_visible(
    session: AsyncSession,
    *,
    principal: Principal,
    holder_id: UUID | None,
    status: BankAccountStatus | None,
    cursor: str | None,
    limit: int,
) -> Slice[Shown]:
    """Return one page of the accounts a subject may see, the latest proposed first."""
    rows = await queries.list_page(
        session,
        seen=holder_queries.is_visible_to(principal, BankAccount.holder_id),
        holder_id=holder_id,
        status=status,
        before=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    page = cut_page(rows, limit, key=lambda row: row.id)
    return Slice(await _show_all(session, page.items, principal), page.next_cursor)


async def find_current(
    session: AsyncSession, holder_ids: Collection[UUID]
) -> Mapping[UUID, BankAccount]:
    """Return the current account of each of these holders that has one."""
    found = await queries.list_current(session, holder_ids)
    return {each.holder_id: each for each in found}


async def _lock_proposed(
    session: AsyncSession, bank_account_id: UUID, *, by: Principal
) -> BankAccount:
    seen = holder_queries.is_visible_to(by, BankAccount.holder_id)
    account = await queries.get_visible(session, bank_account_id, seen, lock=True)
    rules.check_open(account.status)
    return account


async def _holder(session: AsyncSession, account: BankAccount, by: Principal) -> Holder:
    return await holders.get(session, account.holder_kind, account.holder_id, principal=by)


async def _ask_bank(payments: ServiceClient, account: Account) -> NameMatch:
    try:
        verdict = await verify_account(payments, account)
    except Invalid:
        return NameMatch.REFUSED
    except DomainError as error:
        # Any other failure is between the services or at the bank; it can be asked again.
        log.warning("account.unanswered", code=error.code)
        return NameMatch.UNKNOWN
    return rules.judge_answer(verdict.outcome, designated=verdict.designated)


def _make_row(
    holder: tuple[HolderKind, UUID],
    account: Account,
    keyring: Keyring,
    *,
    proposed_by: UUID,
    at: datetime,
) -> BankAccount:
    kind, holder_id = holder
    described = rules.describe_account(account.bank_code, account.account_no)
    return BankAccount(
        id=new_id(),
        holder_kind=kind,
        holder_id=holder_id,
        bank_code=account.bank_code,
        account_no=account.account_no,
        holder_name=account.holder_name,
        account_hash=keyring.lookup("bank_account", described),
        is_first=False,
        inquiry_count=0,
        proposed_by=proposed_by,
        proposed_at=at,
    )


def _make_event(account: BankAccount, *, at: datetime) -> BankAccountChanged:
    return BankAccountChanged(
        holder_kind=account.holder_kind.value,
        holder_id=account.holder_id,
        bank_account_id=account.id,
        payouts_frozen_until=account.payouts_frozen_until,
        decided_at=at,
    )


async def _show(session: AsyncSession, account: BankAccount, by: Principal) -> Shown:
    (shown,) = await _show_all(session, [account], by)
    return shown


async def _show_all(
    session: AsyncSession, accounts: Sequence[BankAccount], by: Principal
) -> list[Shown]:
    """Return accounts as a subject sees them, and record the reading."""
    audit_read(each.holder_id for each in accounts if each.holder_kind is HolderKind.AGENT)
    own = {each.id: holders.is_own(each.holder_kind, each.holder_id, by) for each in accounts}
    if not accounts or not by.has(*OFFICES):
        return [Shown(each, own[each.id], None) for each in accounts]
    holders_of: dict[bytes, set[UUID]] = {}
    for account_hash, holder_id in await queries.list_sharing(
        session, [each.account_hash for each in accounts]
    ):
        holders_of.setdefault(account_hash, set()).add(holder_id)
    return [
        Shown(each, own[each.id], len(holders_of.get(each.account_hash, set()) - {each.holder_id}))
        for each in accounts
    ]
