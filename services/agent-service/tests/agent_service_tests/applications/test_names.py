from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from agent_service.applications.models import Application
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.privacy.read_audit import ReadAudit

if TYPE_CHECKING:
    from agent_service_tests.conftest import World


async def test_only_the_applicant_reads_the_names_whole(world: World, database: Database) -> None:
    applicant = world.applicant()
    body = await world.new_application()
    made = await world.ok("applications", body, by=applicant)
    path, make = f"applications/{made['id']}", world.tokens.make
    readers = {
        "applicant": applicant,
        "officer": world.officer,
        "auditor": make(Role.AUDITOR, scope={"kind": "country"}),
        "wadah": make(Role.WADAH_ADMIN, wadah_id=made["wadah_id"]),
    }
    names: dict[str, set[str]] = {}
    etags: set[str] = set()
    for reader, by in readers.items():
        detail, page = await world.get(path, by=by), await world.get("applications", by=by)
        (item,) = page.json()["items"]
        names[reader] = {
            each[field]
            for each in (detail.json(), item)
            for field in ("full_name", "account_holder_name")
        }
        # The form of one reader is never taken for that of another.
        known = {**by, "If-None-Match": ", ".join(etags)}
        etags.add(detail.headers["ETag"])
        again = await world.client.get(f"/v1/{path}", headers=known)
        assert (again.status_code == 200) is (reader in {"applicant", "officer"})

    whole = {body["full_name"], body["account_holder_name"]}
    assert names == {
        reader: whole if reader == "applicant" else {"S*** A***"} for reader in readers
    }
    async with database.read() as session:
        recorded = (await session.scalars(select(ReadAudit))).all()
        own = (await session.get_one(Application, UUID(made["id"]))).account_id
    assert len(recorded) == 9  # the detail twice and the list, of each of three others
    assert all(own in each.ids for each in recorded)
    rejected = await world.ok(
        f"{path}/rejection", {"reason_code": "other", "reason": "None"}, by=world.officer
    )
    assert rejected["full_name"] == "S*** A***"
