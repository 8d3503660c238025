"""What anybody may read: the time, and the document of the API."""

from fastapi import APIRouter, Request, Response

from gateway.openapi import service
from gateway.openapi.schemas import ServerTimeOut
from perisai_kit.domain import clock
from perisai_kit.domain.errors import NotFound
from perisai_kit.domain.jakarta import JAKARTA

router = APIRouter(tags=["server"])


@router.get("/v1/server-time")
async def get_time() -> ServerTimeOut:
    """Tell the time of the platform, by which an offline app corrects its own."""
    return ServerTimeOut(now=clock.now(), today=clock.today(), timezone=JAKARTA.key)


@router.get("/openapi.json", include_in_schema=False)
async def openapi_document(request: Request) -> Response:
    """Give the API's document."""
    document = service.published()
    if document is None:
        raise NotFound
    return document.answer(request)
