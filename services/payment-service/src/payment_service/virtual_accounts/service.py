"""Open accounts for orders, one at each active bank, and show banks a name."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks import service as banks
from payment_service.banks.models import BankPartner
from payment_service.virtual_accounts import queries, rules
from payment_service.virtual_accounts.models import VirtualAccount
from perisai_kit.privacy.keyring import Keyring
from snap_bi import profiles, virtual_account
from snap_bi.names import make_shown_name


async def open_accounts(session: AsyncSession, order_id: UUID, name: str) -> None:
    """Open accounts for an order, which is inserted. name: of who pays.

    Raises: NoActiveBank.
    """
    partners = await banks.list_active(session)
    if not partners:
        raise rules.NoActiveBank
    serial = await queries.next_serial(session)
    accounts = [_account(partner, order_id, serial, name) for partner in partners]
    await queries.insert_accounts(session, accounts)


async def list_accounts(session: AsyncSession, order_id: UUID) -> Sequence[VirtualAccount]:
    """Return where an order can be paid, by the name of the bank."""
    return await queries.list_accounts(session, order_id)


async def list_of_orders(
    session: AsyncSession, order_ids: Collection[UUID]
) -> Sequence[VirtualAccount]:
    """Return where orders can be paid, by the name of the bank."""
    return await queries.list_of_orders(session, order_ids)


async def rename(session: AsyncSession, order_id: UUID, name: str) -> None:
    """Show the banks another name of who pays an order."""
    for account in await queries.list_accounts(session, order_id):
        partner = await banks.get(session, account.partner_id)
        account.shown_name = _shown_name(partner, name)
    await session.flush()


def read_shown_name(
    shown_name: bytes, keyring: Keyring, *, partner_id: UUID, customer_no: str
) -> str:
    """Return the name that this bank is shown. shown_name: encrypted."""
    return VirtualAccount.shown_name.unseal(keyring, (partner_id, customer_no), shown_name)


def _account(partner: BankPartner, order_id: UUID, serial: int, name: str) -> VirtualAccount:
    profile = profiles.PROFILES[partner.profile]
    issued = virtual_account.issue(partner.company_code, serial, profile)
    return VirtualAccount(
        partner_id=partner.id,
        customer_no=issued.customer_no,
        order_id=order_id,
        partner_name=partner.name,
        company_code=issued.company_code,
        number=issued.number,
        shown_name=_shown_name(partner, name),
    )


def _shown_name(partner: BankPartner, name: str) -> str:
    length = profiles.PROFILES[partner.profile].shown_name_length
    return make_shown_name(name, length=length)
