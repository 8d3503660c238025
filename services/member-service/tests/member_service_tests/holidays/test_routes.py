"""Holidays over HTTP, and the effect of an officer's correction."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.testing.plugin import BusinessTime

COUNTRY = Scope(ScopeKind.COUNTRY)


@pytest.fixture
def administrator(make_subject: Any) -> Any:
    return make_subject(Role.ADMIN, scope=COUNTRY)


async def list_days(client: httpx.AsyncClient, reader: Any) -> dict[str, str]:
    answer = await client.get("/v1/holidays", params={"year": 2026}, headers=reader.headers)
    return {each["day"]: each["kind"] for each in answer.json()["items"]}


async def test_an_administrator_sets_and_removes_a_holiday(
    client: httpx.AsyncClient, agent: Any, administrator: Any
) -> None:
    for day, is_holiday in (("2026-08-18", True), ("2026-08-17", False)):
        answer = await client.put(
            f"/v1/holidays/{day}",
            json={"is_holiday": is_holiday, "name": "Dipindah oleh SKB"},
            headers=administrator.headers,
        )
        assert answer.status_code == 204

    found = await list_days(client, agent)

    assert found["2026-08-18"] == "corrected"
    assert "2026-08-17" not in found
    assert found["2026-12-25"] == "public"


async def test_the_newest_correction_counts(
    client: httpx.AsyncClient, agent: Any, administrator: Any, business_time: BusinessTime
) -> None:
    for minute, is_holiday in enumerate((True, False, True)):
        business_time.at(datetime(2026, 8, 1, 5, minute, tzinfo=UTC))
        await client.put(
            "/v1/holidays/2026-08-18",
            json={"is_holiday": is_holiday, "name": "Cuti"},
            headers=administrator.headers,
        )

    assert (await list_days(client, agent))["2026-08-18"] == "corrected"


async def test_only_an_administrator_of_the_country_corrects_a_holiday(
    client: httpx.AsyncClient, officer: Any, make_subject: Any
) -> None:
    region = make_subject(Role.ADMIN, scope=Scope(ScopeKind.REGION, "jatim"))

    for subject in (officer, region):
        answer = await client.put(
            "/v1/holidays/2026-08-18",
            json={"is_holiday": True, "name": "Cuti"},
            headers=subject.headers,
        )
        assert answer.status_code == 403
