"""What people read: a start page, the reference of the API, and the guide for front ends."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gateway.reference import service
from gateway.reference.rules import FILES, LINKS, START, prefers_json

router = APIRouter(include_in_schema=False)


@router.get(START)
def start(request: Request) -> Response:
    """Show what there is: a page for people, links for programs."""
    if prefers_json(request.headers.get("accept", "")):
        answer: Response = JSONResponse({"name": "Perisai", "links": LINKS})
    else:
        answer = service.load(START).answer(request)
    answer.headers.append("Vary", "Accept")
    return answer


# In a thread: the first request of each file compresses it.
def show(request: Request) -> Response:
    """Give a file that everybody gets alike."""
    return service.load(request.url.path).answer(request)


for path in FILES.keys() - {START}:
    router.add_api_route(path, show)
