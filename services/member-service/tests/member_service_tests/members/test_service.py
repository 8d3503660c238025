from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members.models import Member

Enrol = Callable[..., Awaitable[Member]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]


async def test_personal_data_is_unreadable_in_the_database(
    session: AsyncSession, enrol: Enrol
) -> None:
    member = await enrol(
        session, full_name="Slamet Riyadi", kk="3510110101900001", birth_date="1990-03-13"
    )

    stored = await session.scalar(
        text("SELECT members::text FROM members WHERE id = :id"), {"id": member.id}
    )

    assert isinstance(stored, str)
    plains = ("Slamet", member.nik, "3510110101900001", "Jalan Ikan", member.phone, "1990-03-13")
    for plain in plains:
        assert plain not in stored
        assert plain.encode().hex() not in stored


async def test_warnings_about_the_nik_are_kept_on_the_record(
    session: AsyncSession, enrol: Enrol
) -> None:
    member = await enrol(session, nik="9999994101900001", birth_date="1990-01-02", sex="male")

    assert member.nik_warnings == ["region_unknown", "birth_date_differs", "sex_differs"]
