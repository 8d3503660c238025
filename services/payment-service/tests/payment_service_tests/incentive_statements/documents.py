"""What tests of documents share: names as agent-service gives them, and the text of a PDF."""

import json
from typing import Any
from uuid import UUID

import httpx
import pypdfium2

AGENT_NAME, WADAH_NAME = "Budi =HYPERLINK(1) #strong[x]", "Rukun Nelayan Muncar"


def answer_names(request: httpx.Request) -> httpx.Response:
    """Name agents and wadahs as agent-service does, however many are asked for."""
    asked = json.loads(request.content)
    if request.url.path == "/v1/agent-names":
        found = [{"agent_id": each, "full_name": AGENT_NAME} for each in asked["agent_ids"]]
    elif request.url.path == "/v1/wadah-names":
        found = [{"wadah_id": each, "name": WADAH_NAME} for each in asked["wadah_ids"]]
    else:
        return httpx.Response(200, json=[])
    return httpx.Response(200, json={"items": found})


async def find_statement(
    client: httpx.AsyncClient, headers: dict[str, str], beneficiary_id: UUID
) -> str:
    asked = f"/v1/statements?beneficiary_id={beneficiary_id}"
    (found,) = (await client.get(asked, headers=headers)).json()["items"]
    statement_id: str = found["id"]
    return statement_id


def read_pdf(content: bytes) -> str:
    """Return the text of a PDF, its lines joined."""
    document = pypdfium2.PdfDocument(content)
    pages: list[Any] = [document[number] for number in range(len(document))]
    text = " ".join(page.get_textpage().get_text_range() for page in pages)
    document.close()
    return " ".join(text.split())
