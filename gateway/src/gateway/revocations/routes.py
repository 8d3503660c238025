from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from gateway.revocations.service import OwnRevocations
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.http.types import Instant
from perisai_kit.services.revocations import ADDRESS, RevocationList

router = APIRouter(tags=["revocations"])

Service = Annotated[Principal, Depends(require(Role.SERVICE))]


async def _revocations(request: Request) -> OwnRevocations:
    revocations: OwnRevocations = request.app.state.revocations
    return revocations


@router.get(ADDRESS)
async def list_revocations(
    revocations: Annotated[OwnRevocations, Depends(_revocations)],
    _: Service,
    since: Annotated[
        Instant | None, Query(description="The `as_of` of the last answer; all when left out.")
    ] = None,
) -> RevocationList:
    """List the access tokens that were revoked before they expired, for the services.

    A change may be listed twice. Changes older than the life of an access token are left out.
    """
    return revocations.changes(since)
