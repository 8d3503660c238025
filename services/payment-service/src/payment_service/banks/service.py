"""Bank partners, and what we ask a bank: whose account is this, was this payment made?"""

import secrets
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_history import service as history
from payment_service.bank_history.rules import PartnerChangeKind as Kind
from payment_service.banks import queries, rules
from payment_service.banks.models import BankPartner
from payment_service.banks.rules import (
    BankAddressInner,
    BankAddressUnusable,
    BankKeyUnusable,
    BankNotCallable,
    ClientIdTaken,
    CompanyCodeTaken,
    NameOutcome,
    OutboundIncomplete,
    PartnerStatus,
    ReplayAnswerUnsigned,
)
from payment_service.banks.schemas import (
    AccountVerdict,
    AccountVerification,
    BankPartnerOut,
    NewBankPartner,
    OutboundConnection,
    PartnerSettings,
    PaymentStatusOut,
    StatusInquiry,
)
from payment_service.clients.banks import BankClients, Route
from perisai_kit.db.bulk import insert_once
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.errors import PreconditionFailed
from perisai_kit.domain.ids import new_id
from perisai_kit.http.answers.etag import allows
from perisai_kit.http.paging import Page, cut_page, read_cursor
from perisai_kit.runtime.log import get_logger
from snap_bi.addresses import is_public_host
from snap_bi.errors import KeyRefused
from snap_bi.fields import Amount, AmountNotRupiah
from snap_bi.inquiries import AccountInquiry
from snap_bi.keys import load_private_key
from snap_bi.messages import PaymentStatusData
from snap_bi.profiles import Profile
from snap_bi.timestamps import parse_timestamp
from snap_bi.virtual_account import VirtualAccount

SECRET_BYTES = 48
# 404xx11: the bank knows no such account.
NO_SUCH_ACCOUNT = (404, "11")

log = get_logger()


async def register(
    session: AsyncSession, new: NewBankPartner, *, by: UUID, sandbox: bool
) -> BankPartner:
    """Store a bank partner as a draft; client id and secret are made here unless given.

    sandbox: whether the bank's address may do without TLS, and be an inner one: the sandbox's bank
    runs on this machine.
    Raises: BankProfileUnknown, BankKeyUnusable, SourceUnusable, BankAddressUnusable,
    BankAddressInner, OutboundIncomplete, ClientIdTaken, CompanyCodeTaken; ReplayAnswerHarmful as
    in `replace_settings`.
    """
    profile = rules.find_profile(new.profile)
    rules.check_replay_answer(new.replay_answer, profile)
    rules.check_public_key(new.public_key_pem)
    rules.sources(new.allowed_sources)
    if new.outbound is not None:
        _check_outbound(new.outbound, profile, sandbox=sandbox, within="outbound.")
    now = clock.now()
    values = {
        **new.model_dump(exclude={"outbound", "allowed_sources"}),
        "allowed_sources": list(new.allowed_sources),
        "id": new_id(),
        "status": PartnerStatus.DRAFT,
        "client_id": new.client_id or new_id().hex,
        "client_secret": new.client_secret or secrets.token_urlsafe(SECRET_BYTES),
        **_outbound_columns(new.outbound, profile),
        "created_at": now,
        "created_by": by,
        "status_changed_at": now,
        "status_changed_by": by,
        "changed_at": now,
        "changed_by": [by],
        "version": 1,
    }
    partner = await insert_once(session, BankPartner(**values))
    if partner is None:
        if await queries.has_company_code(session, new.bank_code, new.company_code):
            raise CompanyCodeTaken(field="company_code")
        raise ClientIdTaken(field="client_id")
    history.record(session, Kind.REGISTERED, before=None, after=partner.describe(), by=by)
    log.info("bank_partner.registered", partner_id=str(partner.id), profile=partner.profile)
    return partner


async def list_names(session: AsyncSession) -> dict[UUID, str]:
    """Return the names of all partners, by id."""
    return await queries.list_names(session)


async def activate(
    session: AsyncSession, *, partner_id: UUID, if_match: str, by: UUID
) -> BankPartner:
    """Let a partner call us, with the connection and settings that others have stored.

    if_match: the version that was read; a later change would be confirmed unseen.
    Raises: BankPartnerNotFound, PreconditionFailed, BankPartnerStatusConflict, OwnBankPartner;
    ReplayAnswerUnsigned where its bank has not signed off what a repeated payment is answered, for
    a wrong answer there costs money.
    """
    partner = await queries.lock_partner(session, partner_id)
    if not allows(if_match, partner.version):
        raise PreconditionFailed
    rules.check_activation(partner.status, changed_by=partner.changed_by, by=by)
    if partner.replay_answer is None and not rules.find_profile(partner.profile).is_signed_off:
        raise ReplayAnswerUnsigned
    before = partner.describe()
    partner.version += 1
    _move(partner, PartnerStatus.ACTIVE, by=by)
    history.record(session, Kind.ACTIVATED, before=before, after=partner.describe(), by=by)
    return partner


async def suspend(session: AsyncSession, *, partner_id: UUID, by: UUID) -> BankPartner:
    """Take no more payments from a partner. What it has paid already is still confirmed to it.

    One person suffices, because it protects; who suspends cannot activate it again.
    Raises: BankPartnerNotFound, BankPartnerStatusConflict.
    """
    partner = await queries.lock_partner(session, partner_id)
    rules.check_move(at=partner.status, to=PartnerStatus.SUSPENDED)
    before = partner.describe()
    if partner.status is PartnerStatus.ACTIVE:
        partner.changed_by = []  # Another person has confirmed the earlier changes.
    _mark_changed(partner, by=by)
    _move(partner, PartnerStatus.SUSPENDED, by=by)
    history.record(session, Kind.SUSPENDED, before=before, after=partner.describe(), by=by)
    return partner


async def reroute(
    session: AsyncSession,
    outbound: OutboundConnection,
    *,
    partner_id: UUID,
    by: UUID,
    sandbox: bool,
) -> BankPartner:
    """Replace how a partner is called, secret and key too, until another person activates it.

    sandbox: as in `register`.
    Raises: BankPartnerNotFound, BankPartnerActive, BankKeyUnusable, BankAddressUnusable,
    BankAddressInner, OutboundIncomplete.
    """
    partner = await queries.lock_partner(session, partner_id)
    rules.check_change(partner.status)
    profile = rules.find_profile(partner.profile)
    _check_outbound(outbound, profile, sandbox=sandbox)
    before = partner.describe()
    for name, value in _outbound_columns(outbound, profile).items():
        setattr(partner, name, value)
    _mark_changed(partner, by=by)
    history.record(session, Kind.OUTBOUND_REPLACED, before=before, after=partner.describe(), by=by)
    log.info("bank_partner.rerouted", partner_id=str(partner.id))
    return partner


async def replace_settings(
    session: AsyncSession, settings: PartnerSettings, *, partner_id: UUID, by: UUID
) -> BankPartner:
    """Replace how a partner's payments are answered and counted.

    Raises: BankPartnerNotFound, BankPartnerActive; ReplayAnswerHarmful where the bank is known to
    refund the customer after this answer.
    """
    partner = await queries.lock_partner(session, partner_id)
    rules.check_change(partner.status)
    rules.check_replay_answer(settings.replay_answer, rules.find_profile(partner.profile))
    before = partner.describe()
    partner.replay_answer = settings.replay_answer
    partner.trust_bank_time = settings.trust_bank_time
    partner.keeps_refused_money = settings.keeps_refused_money
    partner.external_id_format = settings.external_id_format or partner.external_id_format
    _mark_changed(partner, by=by)
    history.record(session, Kind.SETTINGS_REPLACED, before=before, after=partner.describe(), by=by)
    log.info("bank_partner.settings_changed", partner_id=str(partner.id))
    return partner


async def lock(session: AsyncSession, partner_id: UUID) -> BankPartner:
    """Return one partner, locked. Raises: BankPartnerNotFound."""
    return await queries.lock_partner(session, partner_id)


async def list_partners(
    session: AsyncSession, *, cursor: str | None, limit: int
) -> Page[BankPartnerOut]:
    """Return partners in the order of their making.

    Raises: CursorInvalid.
    """
    rows = await queries.list_page(session, after_id=read_cursor(cursor, UUID), limit=limit + 1)
    return cut_page(rows, limit, key=lambda row: row.id).page(BankPartnerOut.model_validate)


async def get(session: AsyncSession, partner_id: UUID) -> BankPartner:
    """Return one partner. Raises: BankPartnerNotFound."""
    return await queries.get_partner(session, partner_id)


async def list_active(session: AsyncSession) -> list[BankPartner]:
    """Return the partners that may take payments, first made first."""
    return list(await queries.list_by_status(session, PartnerStatus.ACTIVE))


async def list_known(session: AsyncSession) -> list[BankPartner]:
    """Return the active partners and the suspended ones, whose calls get an answer of their own."""
    return list(
        await queries.list_by_status(session, PartnerStatus.ACTIVE, PartnerStatus.SUSPENDED)
    )


async def list_account_names(session: AsyncSession) -> dict[str, str]:
    """Return the id of each partner → a readable name of its own."""
    return {str(id_): "-".join(codes) for id_, *codes in await queries.list_codes(session)}


async def verify_account(
    database: Database,
    clients: BankClients,
    asked: AccountVerification,
    *,
    designated_banks: tuple[str, ...],
) -> AccountVerdict:
    """Ask a bank whose account this is, and tell only whether the name matches.

    The bank itself is asked where it is a partner (service 15), else the first partner that can
    be called (service 16). A bank that is not designated is not asked: its answer would change
    nothing. The call is made outside any transaction; the holder's name is not kept.
    """
    async with database.read() as session:
        active = await list_active(session)
    if not rules.is_designated(
        asked.bank_code,
        listed=designated_banks,
        active=[partner.bank_code for partner in active],
    ):
        return AccountVerdict(designated=False, outcome=NameOutcome.UNKNOWN)
    partner = _asked_partner(active, asked.bank_code)
    if partner is None:
        log.warning("account.not_verified", bank_code=asked.bank_code)
        return AccountVerdict(designated=True, outcome=NameOutcome.UNKNOWN)
    inquiry = await clients.of(make_route(partner)).inquire_account(
        account_no=asked.account_no,
        bank_code=None if partner.bank_code == asked.bank_code else asked.bank_code,
    )
    outcome = _name_outcome(inquiry, asked)
    log.info("account.verified", partner_id=str(partner.id), outcome=outcome.value)
    return AccountVerdict(designated=True, outcome=outcome)


async def inquire_payment(
    database: Database, clients: BankClients, *, partner_id: UUID, asked: StatusInquiry
) -> PaymentStatusOut:
    """Ask a bank what has become of a payment (service 26). Its answer settles nothing here.

    The call is made outside any transaction, whatever the partner's status.
    Raises: BankPartnerNotFound, BankNotCallable, VirtualAccountForeign.
    """
    async with database.read() as session:
        partner = await queries.get_partner(session, partner_id)
    if partner.base_url is None:
        raise BankNotCallable
    customer_no = rules.customer_no(asked.virtual_account_no, company_code=partner.company_code)
    inquiry = await clients.of(make_route(partner)).inquire_payment(
        VirtualAccount(partner.company_code, customer_no),
        payment_request_id=asked.payment_request_id,
    )
    result, data = inquiry.result, inquiry.answer
    log.info("payment.inquired", partner_id=str(partner.id), status=inquiry.status.value)
    return PaymentStatusOut(
        status=inquiry.status,
        paid_amount=_rupiah(data.paid_amount) if data else None,
        paid_at=_paid_at(data) if data else None,
        reference_no=data.reference_no if data else None,
        response_code=str(result.code) if result.code else None,
        response_message=result.message,
        external_id=result.external_id,
        string_to_sign=result.string_to_sign,
    )


def _check_outbound(
    outbound: OutboundConnection, profile: Profile, *, sandbox: bool, within: str = ""
) -> None:
    """Refuse a way to the bank that cannot be gone. within: where it stands in what was sent."""
    try:
        load_private_key(outbound.private_key_pem)
    except KeyRefused:
        raise BankKeyUnusable(field=f"{within}private_key_pem") from None
    if profile.needs_token and outbound.client_secret is None:
        raise OutboundIncomplete(field=f"{within}client_secret")
    try:
        address = urlsplit(outbound.base_url)
        schemes = {"https", "http"} if sandbox else {"https"}
        # .port reads the port, and raises for one that is not a number.
        usable = address.scheme in schemes and bool(address.hostname) and address.port != 0
    except ValueError:
        raise BankAddressUnusable(field=f"{within}base_url") from None
    if not usable or address.username or address.query or address.fragment:
        raise BankAddressUnusable(field=f"{within}base_url")
    if not sandbox and not is_public_host(address.hostname or ""):
        raise BankAddressInner(field=f"{within}base_url")


def _outbound_columns(outbound: OutboundConnection | None, profile: Profile) -> dict[str, object]:
    if outbound is None:
        return {}
    return {
        "base_url": outbound.base_url,
        "outbound_client_id": outbound.client_id,
        "outbound_client_secret": outbound.client_secret,
        "outbound_private_key_pem": outbound.private_key_pem,
        "x_partner_id": outbound.x_partner_id,
        "channel_id": outbound.channel_id or profile.outbound_channel_id,
    }


def _mark_changed(partner: BankPartner, *, by: UUID) -> None:
    partner.changed_at = clock.now()
    partner.changed_by = [each for each in partner.changed_by if each != by] + [by]
    partner.version += 1


def _move(partner: BankPartner, to: PartnerStatus, *, by: UUID) -> None:
    partner.status = to
    partner.status_changed_at, partner.status_changed_by = clock.now(), by
    log.info("bank_partner.moved", partner_id=str(partner.id), status=to.value)


def _asked_partner(active: list[BankPartner], bank_code: str) -> BankPartner | None:
    callable_ = [partner for partner in active if partner.base_url is not None]
    own = [partner for partner in callable_ if partner.bank_code == bank_code]
    return next(iter([*own, *callable_]), None)


def make_route(partner: BankPartner) -> Route:
    """Return how a partner that has a base_url is called."""
    assert partner.base_url is not None, "only partners that can be called are asked"
    return Route(
        partner_id=partner.id,
        profile=partner.profile,
        base_url=partner.base_url,
        client_id=partner.outbound_client_id or "",
        client_secret=partner.outbound_client_secret or "",
        private_key_pem=partner.outbound_private_key_pem or "",
        x_partner_id=partner.x_partner_id or "",
        channel_id=partner.channel_id or "",
    )


def _name_outcome(inquiry: AccountInquiry, asked: AccountVerification) -> NameOutcome:
    answer, code = inquiry.answer, inquiry.result.code
    if answer is not None:
        return rules.compare_holder(
            asked_no=asked.account_no,
            asked_name=asked.holder_name,
            found_no=answer.beneficiary_account_no,
            found_name=answer.beneficiary_account_name,
        )
    is_unknown = code is not None and (code.http_status, code.case_code) == NO_SUCH_ACCOUNT
    return NameOutcome.NOT_FOUND if is_unknown else NameOutcome.UNKNOWN


def _rupiah(amount: Amount | None) -> int | None:
    try:
        return amount.rupiah if amount else None
    except AmountNotRupiah:
        return None


def _paid_at(data: PaymentStatusData) -> datetime | None:
    text = data.trx_date_time or data.transaction_date
    return parse_timestamp(text) if text else None
