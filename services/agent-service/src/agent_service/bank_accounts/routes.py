"""Bank accounts over HTTP: a proposal, the bank's answer to it, and another person's decision."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from agent_service.agents.rules import AgentNotFound, OwnCase
from agent_service.bank_accounts import service
from agent_service.bank_accounts.rules import (
    BankAccountDecided,
    BankAccountNotFound,
    BankAccountOfAnother,
    BankAccountProposalOpen,
    BankAccountStatus,
    BankAccountUnverified,
    OwnBankAccountProposal,
    TooManyInquiries,
)
from agent_service.bank_accounts.schemas import (
    BankAccountDecision,
    BankAccountIdentityOut,
    BankAccountOut,
    NewBankAccount,
)
from agent_service.bank_accounts.service import Shown
from agent_service.branches.rules import BranchOutOfScope
from agent_service.dependencies import (
    Asks,
    Configured,
    HolderReader,
    Identifier,
    Officer,
    Proposer,
    WholeDatabase,
)
from agent_service.holders.rules import HolderUnclear
from agent_service.wadahs.rules import WadahNotFound
from perisai_kit.http.dependencies import Keys, ReadSession, ReplicaSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.visibility import ReadRoute

router = APIRouter(prefix="/v1/bank-accounts", tags=["bank accounts"], route_class=TransactionRoute)
reading = APIRouter(prefix="/v1/bank-accounts", tags=["bank accounts"], route_class=ReadRoute)
# Not a TransactionRoute: it asks a bank, and no transaction may be open meanwhile.
asking = APIRouter(prefix="/v1/bank-accounts", tags=["bank accounts"], route_class=ReadRoute)

BankAccountId = Annotated[UUID, Path(description="Id of the bank account.")]


@router.post(
    "",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(
        HolderUnclear,
        AgentNotFound,
        WadahNotFound,
        BranchOutOfScope,
        BankAccountOfAnother,
        BankAccountProposalOpen,
    ),
)
async def propose_bank_account(
    body: NewBankAccount, session: Session, proposer: Proposer, keyring: Keys
) -> BankAccountOut:
    """Propose another account for yourself, your wadah, or one in your scope.

    Then let the bank verify it. An officer who has not proposed it decides.
    """
    return _out(await service.propose(session, body, by=proposer, keyring=keyring))


@reading.get("")
async def list_bank_accounts(
    session: ReplicaSession,
    principal: HolderReader,
    holder_id: Annotated[UUID | None, Query(description="Only of this agent or wadah.")] = None,
    status: Annotated[BankAccountStatus | None, Query(description="Only in this status.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[BankAccountOut]:
    """List the accounts you may see, earlier and proposed ones too, the latest first."""
    found = await service.list_visible(
        session,
        principal=principal,
        holder_id=holder_id,
        status=status,
        cursor=cursor,
        limit=limit,
    )
    return found.page(_out)


@reading.get("/{bank_account_id}", responses=problems(BankAccountNotFound))
async def get_bank_account(
    bank_account_id: BankAccountId, session: ReadSession, principal: HolderReader
) -> BankAccountOut:
    """Return one account, with what the bank answered and who decided."""
    return _out(await service.get_visible(session, bank_account_id, principal=principal))


@reading.get("/{bank_account_id}/identity", responses=problems(BankAccountNotFound))
async def get_identity(
    bank_account_id: BankAccountId, session: ReadSession, reader: Identifier
) -> BankAccountIdentityOut:
    """Return number and holder of an account unmasked. Every reading is recorded."""
    found = await service.get_visible(session, bank_account_id, principal=reader)
    return BankAccountIdentityOut.model_validate(found.account)


@asking.post(
    "/{bank_account_id}/verification",
    responses=problems(BankAccountNotFound, BranchOutOfScope, BankAccountDecided, TooManyInquiries),
)
async def verify_bank_account(
    bank_account_id: BankAccountId,
    database: WholeDatabase,
    proposer: Proposer,
    others: Asks,
    settings: Configured,
) -> BankAccountOut:
    """Ask the bank who holds a proposed account. `unknown`: no answer came, ask again later."""
    found = await service.verify(
        database, bank_account_id, by=proposer, payments=others.payments, settings=settings
    )
    return _out(found)


@router.post(
    "/{bank_account_id}/decision",
    openapi_extra=IDEMPOTENT,
    responses=problems(
        BankAccountNotFound,
        OwnCase,
        BranchOutOfScope,
        BankAccountDecided,
        OwnBankAccountProposal,
        BankAccountUnverified,
    ),
)
async def decide_bank_account(
    bank_account_id: BankAccountId,
    body: BankAccountDecision,
    session: Session,
    officer: Officer,
    settings: Configured,
) -> BankAccountOut:
    """Approve or reject a proposed account; who proposed it may only reject it.

    An approved one replaces the current account, and payouts to it wait for a while.
    """
    found = await service.decide(
        session, bank_account_id, verdict=body.verdict, by=officer, settings=settings
    )
    return _out(found)


def _out(shown: Shown) -> BankAccountOut:
    whole = {"holder_name": shown.account.holder_name} if shown.is_own else {}
    return BankAccountOut.model_validate(shown.account).model_copy(
        update={"shared_with": shown.shared_with, **whole}
    )
