"""What anybody may read: the time, and the document of the API."""

from datetime import date, datetime

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

from perisai_kit import clock
from perisai_kit.fields import Out

router = APIRouter(tags=["public"])


class ServerTimeOut(Out):
    now: datetime
    today: date
    timezone: str


@router.get("/v1/server-time")
async def server_time() -> ServerTimeOut:
    """Tell the time of the platform, by which an offline app corrects its own."""
    return ServerTimeOut(now=clock.now(), today=clock.today(), timezone=clock.JAKARTA.key)


@router.get("/docs", include_in_schema=False)
async def docs() -> HTMLResponse:
    """Show the API's document to people."""
    return get_swagger_ui_html(openapi_url="/openapi.json", title="Perisai")
