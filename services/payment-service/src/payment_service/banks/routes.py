from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from payment_service.bank_history import service as history
from payment_service.bank_history.schemas import PartnerChangeOut
from payment_service.bank_readers import PartnerReader
from payment_service.banks import service
from payment_service.banks.models import BankPartner
from payment_service.banks.rules import (
    BankAddressInner,
    BankAddressUnusable,
    BankKeyUnusable,
    BankNotCallable,
    BankPartnerActive,
    BankPartnerNotFound,
    BankPartnerStatusConflict,
    BankProfileUnknown,
    ClientIdTaken,
    CompanyCodeTaken,
    OutboundIncomplete,
    OwnBankPartner,
    ReplayAnswerHarmful,
    ReplayAnswerUnsigned,
    SourceUnusable,
    VirtualAccountForeign,
)
from payment_service.banks.schemas import (
    AccountVerdict,
    AccountVerification,
    BankPartnerOut,
    BankPartnerRegistered,
    NewBankPartner,
    OutboundConnection,
    PartnerSettings,
    PaymentStatusOut,
    StatusInquiry,
)
from payment_service.clients.banks import Banks
from payment_service.settings import Config
from perisai_kit.auth.principal import Principal, Role, ScopeKind
from perisai_kit.auth.roles import require
from perisai_kit.db.engine import Database
from perisai_kit.domain.errors import PreconditionFailed, PreconditionRequired
from perisai_kit.http.answers.etag import etag
from perisai_kit.http.body import JsonRoute
from perisai_kit.http.dependencies import IfMatch, ReadSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems, with_headers
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import PartnerId

router = APIRouter(prefix="/v1/bank-partners", tags=["bank partners"], route_class=TransactionRoute)
# No TransactionRoute: they call a bank, and no transaction may be open meanwhile.
inquiries = APIRouter(prefix="/v1/bank-partners", tags=["bank partners"], route_class=JsonRoute)
verifications = APIRouter(
    prefix="/v1/account-verifications", tags=["account verifications"], route_class=JsonRoute
)
BankReader = Annotated[Principal, Depends(require(Role.ADMIN, Role.FINANCE_OFFICER))]
Treasurer = Annotated[
    Principal, Depends(require(Role.ADMIN, Role.FINANCE_OFFICER, scope=ScopeKind.COUNTRY))
]
OurOwn = Annotated[Principal, Depends(require(Role.SERVICE))]


@router.post(
    "",
    status_code=201,
    responses=with_headers(201, "ETag")
    | problems(
        BankProfileUnknown,
        BankKeyUnusable,
        SourceUnusable,
        BankAddressUnusable,
        BankAddressInner,
        OutboundIncomplete,
        ClientIdTaken,
        CompanyCodeTaken,
        ReplayAnswerHarmful,
    ),
)
async def register(
    new: NewBankPartner, session: Session, treasurer: Treasurer, config: Config, response: Response
) -> BankPartnerRegistered:
    """Register a bank as a draft. Its client secret is in this answer and in no other.

    Another person must activate it.
    """
    partner = await service.register(session, new, by=treasurer.account_id, sandbox=config.sandbox)
    response.headers["ETag"] = etag(partner.version)
    return BankPartnerRegistered.model_validate(partner)


@router.get("")
async def list_partners(
    session: ReadSession, _: BankReader, cursor: Cursor = None, limit: Limit = 50
) -> Page[BankPartnerOut]:
    """List the bank partners, without any secret."""
    return await service.list_partners(session, cursor=cursor, limit=limit)


@router.get(
    "/{partner_id}",
    responses=with_headers(200, "ETag") | problems(BankPartnerNotFound),
)
async def get(
    partner_id: PartnerId, session: ReadSession, reader: PartnerReader, response: Response
) -> BankPartnerOut:
    """Read one bank partner, without any secret. The ETag is its version.

    A bank's engineer reads the own one only.
    """
    shown = _show(await service.get(session, partner_id), response)
    return shown.for_its_engineer() if reader.has(Role.BANK_ENGINEER) else shown


@router.get("/{partner_id}/history", responses=problems(BankPartnerNotFound))
async def list_history(
    partner_id: PartnerId,
    session: ReadSession,
    _: BankReader,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PartnerChangeOut]:
    """List the changes of a bank partner with their authors, newest first, without any secret."""
    await service.get(session, partner_id)
    found = await history.list_page(session, partner_id=partner_id, cursor=cursor, limit=limit)
    return found.page(PartnerChangeOut.model_validate)


@router.post(
    "/{partner_id}/activation",
    responses=with_headers(200, "ETag")
    | problems(
        BankPartnerNotFound,
        PreconditionRequired,
        PreconditionFailed,
        BankPartnerStatusConflict,
        OwnBankPartner,
        ReplayAnswerUnsigned,
    ),
)
async def activate(
    partner_id: PartnerId,
    session: Session,
    treasurer: Treasurer,
    if_match: IfMatch,
    response: Response,
) -> BankPartnerOut:
    """Let a bank call us, once it has signed off what a repeated payment is answered.

    Needs If-Match: you confirm the version that you read. You cannot activate what you
    registered, changed or suspended yourself.
    """
    partner = await service.activate(
        session, partner_id=partner_id, if_match=if_match, by=treasurer.account_id
    )
    return _show(partner, response)


@router.post(
    "/{partner_id}/suspension",
    responses=with_headers(200, "ETag") | problems(BankPartnerNotFound, BankPartnerStatusConflict),
)
async def suspend(
    partner_id: PartnerId, session: Session, treasurer: Treasurer, response: Response
) -> BankPartnerOut:
    """Take no more payments from a bank; what it has paid is still confirmed to it.

    Another person must activate it again.
    """
    partner = await service.suspend(session, partner_id=partner_id, by=treasurer.account_id)
    return _show(partner, response)


@router.put(
    "/{partner_id}/outbound",
    responses=with_headers(200, "ETag")
    | problems(
        BankPartnerNotFound,
        BankPartnerActive,
        BankKeyUnusable,
        BankAddressUnusable,
        BankAddressInner,
        OutboundIncomplete,
    ),
)
async def reroute(
    partner_id: PartnerId,
    outbound: OutboundConnection,
    session: Session,
    treasurer: Treasurer,
    config: Config,
    response: Response,
) -> BankPartnerOut:
    """Replace how a bank is called: address, credentials and key, all of it.

    Not while the bank is active. Another person must activate it afterwards.
    """
    partner = await service.reroute(
        session,
        outbound,
        partner_id=partner_id,
        by=treasurer.account_id,
        sandbox=config.sandbox,
    )
    return _show(partner, response)


@router.put(
    "/{partner_id}/settings",
    responses=with_headers(200, "ETag")
    | problems(BankPartnerNotFound, BankPartnerActive, ReplayAnswerHarmful),
)
async def replace_settings(
    partner_id: PartnerId,
    settings: PartnerSettings,
    session: Session,
    treasurer: Treasurer,
    response: Response,
) -> BankPartnerOut:
    """Replace how payments of a bank are answered and counted.

    Not while the bank is active. Another person must activate it afterwards.
    """
    partner = await service.replace_settings(
        session, settings, partner_id=partner_id, by=treasurer.account_id
    )
    return _show(partner, response)


def _show(partner: BankPartner, response: Response) -> BankPartnerOut:
    response.headers["ETag"] = etag(partner.version)
    return BankPartnerOut.model_validate(partner)


@inquiries.post(
    "/{partner_id}/status-inquiries",
    responses=problems(BankPartnerNotFound, BankNotCallable, VirtualAccountForeign),
)
async def inquire_payment(
    partner_id: PartnerId, asked: StatusInquiry, request: Request, banks: Banks, _: Treasurer
) -> PaymentStatusOut:
    """Ask a bank what has become of a payment (SNAP BI service 26). It changes nothing here."""
    database: Database = request.app.state.kit.database
    return await service.inquire_payment(database, banks, partner_id=partner_id, asked=asked)


@verifications.post("")
async def verify(
    asked: AccountVerification, request: Request, banks: Banks, config: Config, _: OurOwn
) -> AccountVerdict:
    """Tell whether an account at a designated bank bears a name; never whose it is."""
    database: Database = request.app.state.kit.database
    return await service.verify_account(
        database, banks, asked, designated_banks=config.designated_banks
    )
