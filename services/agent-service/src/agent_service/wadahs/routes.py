from typing import Annotated

from fastapi import APIRouter, Query

from agent_service.agreements.rules import (
    AgreementEndsBeforeStart,
    AgreementNumberTaken,
    AgreementTooLong,
)
from agent_service.agreements.schemas import AgreementOut, NewAgreement
from agent_service.branches.rules import BranchNotFound, BranchOutOfScope
from agent_service.dependencies import Configured, Partner, Service, SignedIn, Staff
from agent_service.wadahs import queries, service
from agent_service.wadahs.rules import WadahNotFound, WadahTerminated
from agent_service.wadahs.schemas import (
    CautionOut,
    NewTermination,
    NewWadah,
    WadahChangeOut,
    WadahDetailOut,
    WadahNameLookup,
    WadahNameOut,
    WadahNamesOut,
    WadahOut,
)
from agent_service.wadahs.service import Described
from perisai_kit.http.dependencies import ReadSession, ReplicaSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import Code, WadahId
from perisai_kit.http.visibility import ReadRoute

router = APIRouter(prefix="/v1/wadahs", tags=["wadahs"], route_class=TransactionRoute)
reading = APIRouter(prefix="/v1/wadahs", tags=["wadahs"])
names = APIRouter(prefix="/v1/wadah-names", tags=["wadahs"], route_class=ReadRoute)

TERMS = (AgreementEndsBeforeStart, AgreementTooLong)


@router.post("", status_code=201, responses=problems(BranchNotFound, BranchOutOfScope, *TERMS))
async def register_wadah(
    body: NewWadah, session: Session, staff: Staff, settings: Configured
) -> WadahDetailOut:
    """Register a wadah at a branch in scope, with its first agreement if there is one."""
    return _detail(await service.register(session, body, by=staff, settings=settings))


@reading.get("")
async def list_wadahs(
    session: ReplicaSession,
    principal: SignedIn,
    branch_code: Annotated[Code | None, Query(description="Only of this branch.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[WadahOut]:
    """List wadahs: offices see their scope, a wadah's people their own, others the active ones."""
    found = await service.list_visible(
        session, principal=principal, branch_code=branch_code, cursor=cursor, limit=limit
    )
    items = [
        WadahOut.model_validate(wadah).model_copy(update={"active": active})
        for wadah, active in found.items
    ]
    return Page(items=items, next_cursor=found.next_cursor)


@reading.get("/{wadah_id}", responses=problems(WadahNotFound))
async def get_wadah(
    wadah_id: WadahId, session: ReadSession, partner: Partner, settings: Configured
) -> WadahDetailOut:
    """Return one wadah with its agreements, warnings and history."""
    return _detail(await service.describe(session, wadah_id, principal=partner, settings=settings))


@router.post(
    "/{wadah_id}/agreements",
    status_code=201,
    responses=problems(
        WadahNotFound, BranchOutOfScope, WadahTerminated, AgreementNumberTaken, *TERMS
    ),
)
async def add_agreement(
    wadah_id: WadahId, body: NewAgreement, session: Session, staff: Staff, settings: Configured
) -> WadahDetailOut:
    """Record another agreement (PKS). An amended one gets its own number."""
    return _detail(
        await service.add_agreement(session, wadah_id, body, by=staff, settings=settings)
    )


@router.post(
    "/{wadah_id}/termination", responses=problems(WadahNotFound, BranchOutOfScope, WadahTerminated)
)
async def terminate_wadah(
    wadah_id: WadahId, body: NewTermination, session: Session, staff: Staff, settings: Configured
) -> WadahDetailOut:
    """End the cooperation with a wadah, for good. Its agents stay as they are."""
    return _detail(await service.terminate(session, wadah_id, body, by=staff, settings=settings))


@names.post("")
async def list_wadah_names(
    asked: WadahNameLookup, session: ReplicaSession, _: Service
) -> WadahNamesOut:
    """Return the names of wadahs, for what another service shows."""
    found = await queries.list_names(session, asked.wadah_ids)
    return WadahNamesOut(
        items=[WadahNameOut(wadah_id=wadah_id, name=name) for wadah_id, name in found.items()]
    )


def _detail(found: Described) -> WadahDetailOut:
    return WadahDetailOut.model_validate(found.wadah).model_copy(
        update={
            "active": found.active,
            "agreements": tuple(AgreementOut.model_validate(each) for each in found.agreements),
            "warnings": tuple(CautionOut.model_validate(each) for each in found.warnings),
            "history": tuple(WadahChangeOut.model_validate(each) for each in found.history),
        }
    )
