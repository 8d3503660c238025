"""The steps of sending a payout that are transactions; what happens between them is in `sending`.

A transfer is committed as sent before the bank is called, and nothing that is sent is sent again:
a worker that finds it sent, because another one died, lets the bank be asked what became of it.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks import service as banks
from payment_service.banks.models import BankPartner
from payment_service.banks.rules import PartnerStatus
from payment_service.clients.banks import Route
from payment_service.payout_accounts import service as payout_accounts
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_releases import service as payout_releases
from payment_service.payout_sending import queries, rules
from payment_service.payout_sending.models import PayoutNameCheck
from payment_service.payout_sending.rules import HeldBack, NameVerdict, Waiting
from payment_service.payout_transfers import service as transfers
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payout_transfers.rules import (
    INTRABANK,
    PayoutTransferStatusConflict,
    Report,
    TransferSource,
    TransferStatus,
)
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout
from payment_service.payouts.rules import PayoutPayee
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date, midnight
from perisai_kit.jobs.failures import find_given_up_keys
from perisai_kit.jobs.queue import AT_ONCE, Job, enqueue_all
from perisai_kit.runtime.log import get_logger
from snap_bi.bank_statements import build_remark
from snap_bi.transfer_outcomes import TransferOrder
from snap_bi.transfer_rules import InterbankRoute, TransferRules

SEND = "payout.send"
"""The entrypoint of the job that sends one transfer."""
INQUIRE = "payout.inquire"
"""The entrypoint of the job that asks what became of one; see `payout_settlement`."""
REMARK = "INSENTIF PERISAI"
BY_WORKER = Report(TransferSource.WORKER)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Attempt:
    """A transfer with everything that a call to the bank about it needs.

    interbank_route: which it named, or which its account chooses while nothing is sent; None: the
    default of the bank. corporate_id: X-PARTNER-ID of the calls about it; None: the one of the
    route. is_tax: whether the state is paid. may_send: whether the bank partner is active and knows
    us; what was sent is asked about in any case.
    """

    transfer_id: UUID
    payout_account_id: UUID
    status: TransferStatus
    number: int
    amount: int
    service_code: str
    interbank_route: InterbankRoute | None
    partner_reference_no: str
    remark_code: str
    external_id: str | None
    request_timestamp: datetime | None
    reference_no: str | None
    inquiries: int
    bank_code: str
    account_no: str = field(repr=False)
    holder_name: str = field(repr=False)
    source_account_no: str = field(repr=False)
    route: Route
    corporate_id: str | None
    is_tax: bool
    may_send: bool


@dataclass(frozen=True, slots=True)
class AccountToSend:
    """An account of ours that something waits to be sent from, and how much may be.

    room: rupiah, before the funds are known. waiting: in the order of sending.
    """

    account_id: UUID
    account_no: str = field(repr=False)
    route: Route
    corporate_id: str | None
    cap: int
    sent: int
    in_flight: int
    waiting: Sequence[Waiting]


async def find_attempt(session: AsyncSession, transfer_id: UUID) -> Attempt | None:
    """Return a transfer for a bank's API; None where there is none, or its bank has no address."""
    found = await queries.find_attempt(session, transfer_id)
    if found is None:
        return None
    transfer, payout, account = found
    partner = await _find_partner(session, account)
    return None if partner is None else _make_attempt(transfer, payout, account, partner)


async def has_waiting(session: AsyncSession) -> bool:
    """Tell whether something waits to be sent from an active account at a bank's API."""
    return await queries.has_account_to_send(session)


async def plan(
    session: AsyncSession, *, limit: int, at: datetime, after: Mapping[UUID, UUID]
) -> list[AccountToSend]:
    """Return the accounts that may send now, with at most `limit` transfers of each.

    after: by account, behind which transfer to look.
    """
    if await payout_accounts.is_stopped(session):
        return []
    found = []
    for account in await queries.list_accounts_to_send(session):
        partner = await _find_partner(session, account)
        if not rules.is_open(account.cut_off, at=at) or partner is None:
            continue
        if _may_send(account, partner):
            found.append(
                AccountToSend(
                    account_id=account.id,
                    account_no=account.account_no,
                    route=banks.make_route(partner),
                    corporate_id=account.corporate_id,
                    cap=account.daily_cap,
                    sent=await _sum_sent(session, account.id, at),
                    in_flight=await queries.sum_in_flight(session, account.id),
                    waiting=await queries.list_waiting(
                        session, account.id, after_id=after.get(account.id), limit=limit
                    ),
                )
            )
    return found


async def order_sending(session: AsyncSession, chosen: Sequence[Waiting]) -> int:
    """Order a job for each transfer; return how many are new.

    One whose job failed for good waits for an operator, also after the job was closed.
    """
    return await _order(session, [_make_job(SEND, each.transfer_id) for each in chosen])


def make_order(
    attempt: Attempt, bank: TransferRules, *, external_id: str, requested_at: datetime
) -> TransferOrder:
    """Return the transfer as it is sent or asked about. bank: how it differs from others."""
    is_intrabank = attempt.service_code == INTRABANK
    return TransferOrder(
        partner_reference_no=attempt.partner_reference_no,
        external_id=external_id,
        requested_at=requested_at,
        amount=attempt.amount,
        source_account_no=attempt.source_account_no,
        beneficiary_account_no=attempt.account_no,
        beneficiary_name=attempt.holder_name,
        beneficiary_bank_code=None if is_intrabank else attempt.bank_code,
        customer_reference=attempt.remark_code,
        remark=build_remark(attempt.remark_code, REMARK, bank),
        route=None if is_intrabank else bank.find_route(attempt.interbank_route),
    )


async def record_name(
    session: AsyncSession, attempt: Attempt, verdict: NameVerdict, *, response_code: str | None
) -> None:
    """Store what the bank says of the holder; what cannot be theirs fails before it is sent."""
    await queries.upsert_name_check(
        session, attempt.transfer_id, verdict, response_code=response_code, at=clock.now()
    )
    if verdict in (NameVerdict.MISMATCH, NameVerdict.NOT_FOUND):
        code = rules.NAME_MISMATCH if verdict is NameVerdict.MISMATCH else response_code
        report = Report(TransferSource.BANK_ANSWER, response_code=code)
        await payouts.mark_failed(session, attempt.transfer_id, report)


async def find_name_check(session: AsyncSession, transfer_id: UUID) -> PayoutNameCheck | None:
    """Return what the bank said of the holder of the account of a transfer, if it was asked."""
    return await queries.find_name_check(session, transfer_id)


async def claim(
    session: AsyncSession,
    attempt: Attempt,
    *,
    external_id: str,
    requested_at: datetime,
    route: InterbankRoute | None,
) -> HeldBack | None:
    """Mark a transfer as sent, for this caller alone; return why not, where it may not go.

    external_id, requested_at: X-EXTERNAL-ID and X-TIMESTAMP. route: which the request names. Locks
    the account, so that two do not pass the limit of a day together, then the payout and the
    transfer.
    Raises: PayoutsStopped, PayoutAccountNotActive, PayoutTransferStatusConflict.
    """
    now = clock.now()
    await queries.lock_account(session, attempt.payout_account_id)
    account = await payout_accounts.get(session, attempt.payout_account_id)
    await session.refresh(account)
    if not rules.is_open(account.cut_off, at=now):
        return HeldBack.CUT_OFF
    if account.interbank_route is not attempt.interbank_route:
        return HeldBack.ROUTE_CHANGED
    sent = await _sum_sent(session, account.id, now)
    if not rules.fits_cap(attempt.amount, sent=sent, cap=account.daily_cap):
        return HeldBack.DAILY_CAP
    if attempt.is_tax and await payout_releases.withdraw_changed_tax(session, attempt.transfer_id):
        return HeldBack.TAX_CHANGED
    await payouts.mark_sent(
        session,
        attempt.transfer_id,
        external_id=external_id,
        request_timestamp=requested_at,
        interbank_route=route,
        next_inquiry_at=now + rules.LOST_AFTER,
    )
    if not await queries.is_released(session, attempt.transfer_id):
        raise PayoutTransferStatusConflict(status=attempt.status.value, to=TransferStatus.SENT)
    return None


async def abandon(session: AsyncSession, transfer_id: UUID, report: Report = BY_WORKER) -> None:
    """Mark what was sent, and nobody knows how it ended, as unknown; the bank is asked soon.

    What was settled meanwhile stays so. The time of the inquiry is stored too, in case its job is
    lost to an operator.
    """
    at = clock.now() + rules.FIRST_INQUIRY
    with suppress(PayoutTransferStatusConflict):
        if await payouts.mark_unknown(session, transfer_id, report, next_inquiry_at=at):
            await order_inquiries(session, [transfer_id], after=rules.FIRST_INQUIRY)


async def order_inquiries(
    session: AsyncSession, transfer_ids: Sequence[UUID], *, after: timedelta = AT_ONCE
) -> int:
    """Order a job for each of these transfers that asks the bank; return how many are new."""
    return await _order(session, [_make_job(INQUIRE, id_, after=after) for id_ in transfer_ids])


async def repeat(session: AsyncSession, attempt: Attempt, report: Report) -> UUID | None:
    """Make another attempt, under new references, of what a bank was too busy for; return its id.

    The payout has not failed, so nothing is published. Its job waits, longer each time. None: what
    was approved no longer holds, so it has failed; or it was settled meanwhile.
    Raises: PayoutTransferStatusConflict.
    """
    payout, transfer = await payouts.lock(session, attempt.transfer_id)
    if await payout_releases.find_change(session, payout) is not None:
        await payouts.mark_failed(session, attempt.transfer_id, report)
        return None
    if not transfers.move(session, transfer, TransferStatus.FAILED, report, at=clock.now()):
        return None
    await session.flush()
    made = await payouts.begin_again(session, payout, transfer)
    await _order(session, [_make_job(SEND, made.id, after=rules.pause_before_repeat(made.attempt))])
    return made.id


def _make_job(entrypoint: str, transfer_id: UUID, *, after: timedelta = AT_ONCE) -> Job:
    key, payload = f"{entrypoint}:{transfer_id}", {"transfer_id": str(transfer_id)}
    return Job(entrypoint, payload, dedupe_key=key, execute_after=after)


async def _order(session: AsyncSession, jobs: Sequence[Job]) -> int:
    given_up = await find_given_up_keys(session, [job.dedupe_key for job in jobs])
    return await enqueue_all(session, [job for job in jobs if job.dedupe_key not in given_up])


async def _sum_sent(session: AsyncSession, account_id: UUID, at: datetime) -> int:
    day = jakarta_date(at)
    return await queries.sum_sent(
        session, account_id, since=midnight(day), until=midnight(day + timedelta(days=1))
    )


async def _find_partner(session: AsyncSession, account: PayoutAccount) -> BankPartner | None:
    if account.bank_partner_id is None:
        return None
    partner = await banks.get(session, account.bank_partner_id)
    return partner if partner.base_url is not None else None


def _may_send(account: PayoutAccount, partner: BankPartner) -> bool:
    return partner.status is PartnerStatus.ACTIVE and payout_accounts.can_send(account, partner)


def _make_attempt(
    transfer: PayoutTransfer, payout: Payout, account: PayoutAccount, partner: BankPartner
) -> Attempt:
    return Attempt(
        transfer_id=transfer.id,
        payout_account_id=account.id,
        status=transfer.status,
        number=transfer.attempt,
        amount=transfer.amount,
        service_code=transfer.service_code,
        interbank_route=transfer.interbank_route if transfer.sent_at else account.interbank_route,
        partner_reference_no=transfer.partner_reference_no,
        remark_code=transfer.remark_code,
        external_id=transfer.external_id,
        request_timestamp=transfer.request_timestamp,
        reference_no=transfer.reference_no,
        inquiries=transfer.inquiries,
        bank_code=payout.bank_code,
        account_no=payout.account_no,
        holder_name=payout.holder_name,
        source_account_no=account.account_no,
        route=banks.make_route(partner),
        corporate_id=account.corporate_id,
        is_tax=payout.payee_kind is PayoutPayee.TREASURY,
        may_send=_may_send(account, partner),
    )
