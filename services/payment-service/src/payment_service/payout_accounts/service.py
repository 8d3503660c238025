"""Register the accounts we pay from, and stop all payouts or resume them."""

from collections.abc import Sequence
from datetime import time
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks import queries as banks
from payment_service.banks.models import BankPartner
from payment_service.payout_accounts import queries, rules
from payment_service.payout_accounts.models import PayoutAccount, PayoutStop
from payment_service.payout_accounts.rules import (
    NOT_STOPPED,
    PayoutAccountStatus,
    PayoutsStopped,
    ResumptionVerdict,
    StopStep,
)
from payment_service.payout_accounts.schemas import NewPayoutAccount, PayoutLimits
from payment_service.payout_formats import service as formats
from payment_service.settings import Settings
from perisai_kit.domain import clock
from perisai_kit.domain.errors import PreconditionFailed
from perisai_kit.domain.ids import new_id
from perisai_kit.http.answers.etag import allows
from perisai_kit.http.paging import Slice, cut_page, parse_bigint, read_cursor
from perisai_kit.runtime.log import get_logger
from snap_bi.profiles import PROFILES
from snap_bi.transfer_rules import InterbankRoute

log = get_logger()


async def register(
    session: AsyncSession, new: NewPayoutAccount, *, by: UUID, settings: Settings
) -> PayoutAccount:
    """Store an account of ours as a draft; another person activates it.

    Raises: PayoutChannelUnusable, PayoutFormatUnknown, PayoutLimitsUnusable, BankPartnerNotFound,
    PayoutCorporateIdRequired, PayoutCorporateIdUnused, PayoutRouteUnusable.
    """
    rules.check_channel(
        new.channel, bank_partner_id=new.bank_partner_id, file_format=new.file_format
    )
    if new.file_format is not None:
        formats.get(new.file_format)
    await _check_corporate_id(session, new.bank_partner_id, new.corporate_id)
    await _check_route(session, new.bank_partner_id, new.interbank_route)
    now = clock.now()
    account = PayoutAccount(
        id=new_id(),
        name=new.name,
        bank_partner_id=new.bank_partner_id,
        bank_code=new.bank_code,
        channel=new.channel,
        account_no=new.account_no,
        corporate_id=new.corporate_id,
        interbank_route=new.interbank_route,
        file_format=new.file_format,
        status=PayoutAccountStatus.DRAFT,
        created_at=now,
        created_by=by,
        status_changed_at=now,
        status_changed_by=by,
        changed_at=now,
        changed_by=[by],
        version=1,
    )
    _limit(account, new, settings)
    session.add(account)
    await session.flush()
    log.info("payout_account.registered", payout_account_id=str(account.id))
    return account


async def replace_limits(
    session: AsyncSession, account_id: UUID, limits: PayoutLimits, *, by: UUID, settings: Settings
) -> PayoutAccount:
    """Replace how much is paid from an account that is not active; another person activates it.

    Raises: PayoutAccountNotFound, PayoutAccountActive, PayoutLimitsUnusable.
    """
    account = await queries.lock_account(session, account_id)
    if account.status is PayoutAccountStatus.ACTIVE:
        raise rules.PayoutAccountActive
    _limit(account, limits, settings)
    _mark_changed(account, by=by)
    await session.flush()
    return account


async def replace_corporate_id(
    session: AsyncSession, account_id: UUID, corporate_id: str, *, by: UUID
) -> PayoutAccount:
    """Replace by which id the bank of an account knows us; another person activates it.

    Raises: PayoutAccountNotFound, PayoutAccountActive, PayoutCorporateIdUnused.
    """
    account = await queries.lock_account(session, account_id)
    if account.status is PayoutAccountStatus.ACTIVE:
        raise rules.PayoutAccountActive
    await _check_corporate_id(session, account.bank_partner_id, corporate_id)
    account.corporate_id = corporate_id
    _mark_changed(account, by=by)
    await session.flush()
    return account


async def replace_interbank_route(
    session: AsyncSession, account_id: UUID, route: InterbankRoute | None, *, by: UUID
) -> PayoutAccount:
    """Replace by which network what is not sent yet goes to other banks; another person activates.

    route: None: the default of the bank.
    Raises: PayoutAccountNotFound, PayoutAccountActive, PayoutRouteUnusable.
    """
    account = await queries.lock_account(session, account_id)
    if account.status is PayoutAccountStatus.ACTIVE:
        raise rules.PayoutAccountActive
    await _check_route(session, account.bank_partner_id, route)
    account.interbank_route = route
    _mark_changed(account, by=by)
    await session.flush()
    return account


async def activate(
    session: AsyncSession, account_id: UUID, *, if_match: str, by: UUID
) -> PayoutAccount:
    """Let runs be paid from an account, as others have registered it.

    if_match: the version that was read.
    Raises: PayoutAccountNotFound, PreconditionFailed, PayoutAccountStatusConflict,
    OwnPayoutAccount, PayoutCorporateIdRequired.
    """
    account = await queries.lock_account(session, account_id)
    if not allows(if_match, account.version):
        raise PreconditionFailed
    rules.check_activation(account.status, changed_by=account.changed_by, by=by)
    # One that was registered before there were corporate ids may have none.
    if account.bank_partner_id is not None and not can_send(
        account, await banks.get_partner(session, account.bank_partner_id)
    ):
        raise rules.PayoutCorporateIdRequired
    account.version += 1
    return await _move(session, account, PayoutAccountStatus.ACTIVE, by=by)


async def suspend(session: AsyncSession, account_id: UUID, *, by: UUID) -> PayoutAccount:
    """Send nothing more from an account. One person suffices, because it protects.

    Raises: PayoutAccountNotFound, PayoutAccountStatusConflict.
    """
    account = await queries.lock_account(session, account_id)
    rules.check_move(at=account.status, to=PayoutAccountStatus.SUSPENDED)
    if account.status is PayoutAccountStatus.ACTIVE:
        account.changed_by = []  # Another person has confirmed the earlier changes.
    _mark_changed(account, by=by)
    return await _move(session, account, PayoutAccountStatus.SUSPENDED, by=by)


async def get(session: AsyncSession, account_id: UUID) -> PayoutAccount:
    """Return an account of ours. Raises: PayoutAccountNotFound."""
    return await queries.get_account(session, account_id)


async def get_active(session: AsyncSession, account_id: UUID) -> PayoutAccount:
    """Return an account that may be paid from.

    Raises: PayoutAccountNotFound, PayoutAccountNotActive.
    """
    account = await queries.get_account(session, account_id)
    if account.status is not PayoutAccountStatus.ACTIVE:
        raise rules.PayoutAccountNotActive
    return account


async def list_accounts(
    session: AsyncSession, *, cursor: str | None, limit: int
) -> Slice[PayoutAccount]:
    """Return our accounts in the order of their making. Raises: CursorInvalid."""
    after_id = read_cursor(cursor, UUID)
    rows = await queries.list_accounts(session, after_id=after_id, limit=limit + 1)
    return cut_page(rows, limit, key=lambda row: row.id)


def can_send(account: PayoutAccount, partner: BankPartner) -> bool:
    """Tell whether the bank of an account knows us by what we would send it."""
    return account.corporate_id is not None or not _needs_corporate_id(partner)


async def check_sending(session: AsyncSession, account_id: UUID) -> None:
    """Refuse to send from an account that is not active, or while all payouts are stopped.

    Raises: PayoutsStopped, PayoutAccountNotFound, PayoutAccountNotActive.
    """
    await check_not_stopped(session)
    await get_active(session, account_id)


async def check_not_stopped(session: AsyncSession) -> None:
    """Refuse while all payouts are stopped. Raises: PayoutsStopped."""
    if await is_stopped(session):
        raise PayoutsStopped


async def is_stopped(session: AsyncSession) -> bool:
    """Tell whether all payouts are stopped."""
    last = await queries.find_last_stop(session)
    return (last.step if last else None) not in NOT_STOPPED


async def stop(session: AsyncSession, *, reason: str, by: UUID) -> PayoutStop:
    """Stop all payouts at once; a proposal to resume them is gone. Twice is once.

    What was sent is still settled by what the bank says.
    Raises: PayoutStopChanged.
    """
    last = await queries.find_last_stop(session)
    if last is not None and last.step in (StopStep.STOPPED, StopStep.RESUME_REJECTED):
        return last
    return await _step(session, last, StopStep.STOPPED, reason=reason, by=by)


async def propose_resumption(session: AsyncSession, *, by: UUID) -> PayoutStop:
    """Propose to resume payouts; another person decides.

    Raises: PayoutsNotStopped, ResumptionProposed, PayoutStopChanged.
    """
    last = await queries.find_last_stop(session)
    rules.check_resumable(last.step if last else None)
    return await _step(session, last, StopStep.RESUME_PROPOSED, by=by)


async def decide_resumption(
    session: AsyncSession, *, verdict: ResumptionVerdict, by: UUID
) -> PayoutStop:
    """Confirm or reject a proposal to resume payouts; one's own can only be rejected.

    Raises: NoResumptionProposed, OwnResumption, PayoutStopChanged.
    """
    last = await queries.find_last_stop(session)
    is_own = last is not None and last.taken_by == by
    rules.check_resumption(last.step if last else None, verdict=verdict, is_own=is_own)
    is_confirmed = verdict is ResumptionVerdict.CONFIRMED
    step = StopStep.RESUMED if is_confirmed else StopStep.RESUME_REJECTED
    return await _step(session, last, step, by=by)


async def list_stops(session: AsyncSession, *, cursor: str | None, limit: int) -> Slice[PayoutStop]:
    """Return the steps of stopping and resuming, the latest first. Raises: CursorInvalid."""
    before = read_cursor(cursor, parse_bigint)
    rows: Sequence[PayoutStop] = await queries.list_stops(session, before=before, limit=limit + 1)
    return cut_page(rows, limit, key=lambda row: row.number)


async def _step(
    session: AsyncSession,
    last: PayoutStop | None,
    step: StopStep,
    *,
    by: UUID,
    reason: str | None = None,
) -> PayoutStop:
    number = last.number + 1 if last else 1
    taken = await queries.insert_once_stop(
        session,
        PayoutStop(
            id=new_id(),
            number=number,
            step=step,
            reason=reason,
            taken_by=by,
            taken_at=clock.now(),
        ),
    )
    if taken is None:
        raise rules.PayoutStopChanged
    log.warning("payouts.stop_changed", step=step.value, number=number)
    return taken


async def _check_corporate_id(
    session: AsyncSession, partner_id: UUID | None, corporate_id: str | None
) -> None:
    is_needed = False
    if partner_id is not None:
        is_needed = _needs_corporate_id(await banks.get_partner(session, partner_id))
    rules.check_corporate_id(corporate_id, is_needed=is_needed)


async def _check_route(
    session: AsyncSession, partner_id: UUID | None, route: InterbankRoute | None
) -> None:
    offered: Sequence[InterbankRoute] = []
    if partner_id is not None:
        partner = await banks.get_partner(session, partner_id)
        offered = [each for each, _ in PROFILES[partner.profile].transfers.route_numbers]
    rules.check_interbank_route(route, offered)


def _needs_corporate_id(partner: BankPartner) -> bool:
    return PROFILES[partner.profile].transfers.needs_corporate_id


def _limit(account: PayoutAccount, limits: PayoutLimits, settings: Settings) -> None:
    account.daily_cap = limits.daily_cap or settings.payout_daily_cap
    account.transfer_max = limits.transfer_max or settings.payout_transfer_max
    account.batch_max = limits.batch_max or settings.payout_batch_max
    account.cut_off = time.fromisoformat(limits.cut_off or settings.payout_cut_off)
    rules.check_limits(daily_cap=account.daily_cap, transfer_max=account.transfer_max)


def _mark_changed(account: PayoutAccount, *, by: UUID) -> None:
    account.changed_at = clock.now()
    account.changed_by = [each for each in account.changed_by if each != by] + [by]
    account.version += 1


async def _move(
    session: AsyncSession, account: PayoutAccount, to: PayoutAccountStatus, *, by: UUID
) -> PayoutAccount:
    account.status = to
    account.status_changed_at, account.status_changed_by = clock.now(), by
    await session.flush()
    log.info("payout_account.moved", payout_account_id=str(account.id), status=to.value)
    return account
