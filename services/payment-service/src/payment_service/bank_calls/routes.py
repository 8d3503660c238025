from fastapi import APIRouter

from payment_service.bank_calls import service
from payment_service.bank_calls.schemas import BankRequestOut
from payment_service.bank_readers import BankRequestReader
from payment_service.banks.rules import BankPartnerNotFound
from perisai_kit.http.dependencies import ReadSession
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.types import PartnerId

router = APIRouter(prefix="/v1/bank-partners", tags=["bank partners"])


@router.get(
    "/{partner_id}/requests",
    response_model=Page[BankRequestOut],
    responses=problems(BankPartnerNotFound),
)
async def list_requests(
    partner_id: PartnerId,
    session: ReadSession,
    _: BankRequestReader,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[BankRequestOut]:
    """List what a bank sent us and what it was answered, newest first: for its engineer.

    A bank's engineer reads what was sent in the name of the own bank only.

    Correctly signed messages are kept for good, of those that were not believed the last ones in
    the partner's name. Neither shows its content.
    """
    return await service.list_requests(session, partner_id=partner_id, cursor=cursor, limit=limit)
