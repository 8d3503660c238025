from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import BigInteger, Select, cast, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as insert_or_update
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.search_words.models import SearchWords


async def upsert_words(session: AsyncSession, words: Mapping[UUID, Sequence[int]]) -> None:
    statement = insert_or_update(SearchWords)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[SearchWords.member_id], set_={"words": statement.excluded.words}
        ),
        [{"member_id": member_id, "words": list(own)} for member_id, own in words.items()],
    )


def select_members(words: Sequence[int]) -> Select[UUID]:
    """Return the query of the members with all of these words."""
    wanted = cast(list(words), ARRAY(BigInteger))
    return select(SearchWords.member_id).where(SearchWords.words.contains(wanted))
