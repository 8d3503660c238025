"""Payees over HTTP, for the service that pays."""

from fastapi import APIRouter

from agent_service.dependencies import Service
from agent_service.payees import service
from agent_service.payees.schemas import (
    PayeeAccountOut,
    PayeeDetailsOut,
    PayeeLookup,
    PayeesOut,
    PayeeTaxOut,
)
from agent_service.payees.service import Payee
from perisai_kit.domain import clock
from perisai_kit.http.dependencies import Session
from perisai_kit.http.transaction import TransactionRoute

router = APIRouter(prefix="/v1/payees", tags=["payees"], route_class=TransactionRoute)


@router.post("")
async def list_payees(asked: PayeeLookup, session: Session, _: Service) -> PayeesOut:
    """Return account and tax identity of agents and wadahs, for the service that pays them.

    The reading of all is recorded once.
    """
    found = await service.list_payees(session, asked.holder_ids, on=asked.on or clock.today())
    return PayeesOut(items=[_out(each) for each in found])


def _out(payee: Payee) -> PayeeDetailsOut:
    account, tax = payee.account, payee.tax
    return PayeeDetailsOut(
        holder_kind=payee.kind,
        holder_id=payee.id,
        legal_entity=payee.legal_entity,
        account=None
        if account is None
        else PayeeAccountOut.model_validate(
            {
                "bank_account_id": account.id,
                "bank_code": account.bank_code,
                "account_no": account.account_no,
                "holder_name": account.holder_name,
                "name_match": account.name_match,
                "verified_at": account.verified_at,
                "payouts_frozen_until": account.payouts_frozen_until,
            }
        ),
        tax=None
        if tax is None
        else PayeeTaxOut(
            tax_identity_id=tax.id,
            npwp=tax.npwp,
            nik_status=tax.nik_status,
            holds_from=tax.holds_from,
        ),
    )
