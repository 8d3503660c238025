"""What anybody may read: the time, and the document of the API."""

from datetime import UTC, datetime
from typing import Any


async def test_the_servers_time_is_the_platforms(gateway: Any, business_time: Any) -> None:
    business_time.at(datetime(2026, 10, 31, 18, 0, tzinfo=UTC))

    answer = (await gateway.client.get("/v1/server-time")).json()

    assert answer["now"].startswith("2026-10-31T18:00:0")
    assert answer["today"] == "2026-11-01"
    assert answer["timezone"] == "Asia/Jakarta"


async def test_a_document_that_has_not_changed_is_not_sent_again(gateway: Any) -> None:
    etag = (await gateway.client.get("/openapi.json")).headers["etag"]

    answers = [
        await gateway.client.get("/openapi.json", headers={"If-None-Match": known})
        for known in (etag, f'"other", W/{etag}', '"other"')
    ]

    assert [each.status_code for each in answers] == [304, 304, 200]
    assert answers[0].content == b""
    assert answers[0].headers["etag"] == etag
