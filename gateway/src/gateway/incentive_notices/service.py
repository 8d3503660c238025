"""Tell agents and administrators of wadahs what becomes of an incentive."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts.models import Account
from gateway.incentive_notices import queries, rules
from gateway.notices import service as notices
from gateway.notices.rules import About, Fact, NoticeTemplate
from gateway.notices.service import IncentiveNotice
from gateway.people import service as people
from perisai_kit.domain import clock
from perisai_kit.events.catalogue import (
    PayoutPaid,
    PayoutPaidForAgent,
    PayoutReturned,
    PayoutReturnedForAgent,
    StatementIssued,
)
from perisai_kit.runtime.log import get_logger

PayoutEvent: TypeAlias = PayoutPaid | PayoutReturned
PartEvent: TypeAlias = PayoutPaidForAgent | PayoutReturnedForAgent
IncentiveEvent: TypeAlias = StatementIssued | PayoutEvent | PartEvent

log = get_logger()


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A fact about the incentive of an agent or wadah. is_sent: or only to be read in the app."""

    holder_id: uuid.UUID
    is_wadah: bool
    about: About
    is_sent: bool


async def tell(session: AsyncSession, events: Sequence[IncentiveEvent]) -> None:
    """Write a notice to the account of each agent, and to each administrator of a wadah.

    A fixed number of queries, however many events. A fact that an account has a notice of
    changes nothing. A locked account gets nothing sent: its telephone may be stolen.
    Raises: AgentWithoutAccount.
    """
    occurrences = [_read(event) for event in events]
    readers = await _find_readers(session, occurrences)
    new = [
        IncentiveNotice(
            account_id=account.id,
            about=each.about,
            phone=account.phone if is_sent else None,
            email=account.email if is_sent else None,
        )
        for each in occurrences
        for account in readers[each.holder_id]
        for is_sent in (each.is_sent and account.locked_at is None,)
    ]
    await notices.add_about_incentives(session, new, now=clock.real_now())
    unread = sum(not readers[each.holder_id] for each in occurrences)
    if unread:
        log.info("notice.unaddressed", count=unread)


async def _find_readers(
    session: AsyncSession, occurrences: Iterable[Occurrence]
) -> Mapping[uuid.UUID, Sequence[Account]]:
    """Return the accounts that get a notice, by agent or wadah.

    A wadah without an administrator has none. Raises: AgentWithoutAccount.
    """
    agent_ids = {each.holder_id for each in occurrences if not each.is_wadah}
    wadah_ids = {each.holder_id for each in occurrences if each.is_wadah}
    readers: dict[uuid.UUID, list[Account]] = defaultdict(list)
    for agent_id, account in (await people.find_agent_accounts(session, agent_ids)).items():
        readers[agent_id].append(account)
    if agent_ids - readers.keys():
        raise rules.AgentWithoutAccount
    for account in await queries.list_wadah_admins(session, wadah_ids):
        if account.wadah_id is not None:
            readers[account.wadah_id].append(account)
    return readers


def _read(event: IncentiveEvent) -> Occurrence:
    match event:
        case StatementIssued():
            return _read_statement(event)
        case PayoutPaid():
            return _read_payout(event, Fact.PAYOUT_PAID, NoticeTemplate.INCENTIVE_PAID)
        case PayoutReturned():
            return _read_payout(event, Fact.PAYOUT_RETURNED, NoticeTemplate.INCENTIVE_RETURNED)
        case PayoutPaidForAgent():
            return _read_part(
                event, Fact.PAYOUT_PAID_FOR_AGENT, NoticeTemplate.INCENTIVE_PAID_TO_WADAH
            )
        case PayoutReturnedForAgent():
            return _read_part(
                event, Fact.PAYOUT_RETURNED_FOR_AGENT, NoticeTemplate.INCENTIVE_TO_WADAH_RETURNED
            )


def _read_statement(event: StatementIssued) -> Occurrence:
    template, amount = rules.choose_notice(
        amount=event.amount, payable=event.payable, is_held=event.is_held
    )
    return Occurrence(
        holder_id=event.beneficiary_id,
        is_wadah=event.beneficiary_kind == "wadah",
        about=About(event.statement_id, Fact.STATEMENT_ISSUED, template, event.month, amount),
        is_sent=rules.is_sent(event.issued_at, now=clock.now()),
    )


def _read_payout(event: PayoutEvent, fact: Fact, template: NoticeTemplate) -> Occurrence:
    return Occurrence(
        holder_id=event.payee_id,
        is_wadah=event.payee_kind == "wadah",
        about=About(event.payout_id, fact, template, event.month, event.amount),
        is_sent=True,
    )


def _read_part(event: PartEvent, fact: Fact, template: NoticeTemplate) -> Occurrence:
    return Occurrence(
        holder_id=event.agent_id,
        is_wadah=False,
        about=About(event.payout_id, fact, template, event.month, event.amount),
        is_sent=True,
    )
