"""Store and find the keyed hashes of search terms."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.search_words import queries, rules
from member_service.search_words.rules import Term
from perisai_kit.privacy.keyring import Keyring


@dataclass(frozen=True, slots=True, repr=False)
class Named:
    """What a member is found by. No repr: it is personal data."""

    full_name: str
    phone: str
    nik: str


async def record(session: AsyncSession, named: Mapping[UUID, Named], *, keyring: Keyring) -> None:
    """Store the words of these members instead of their earlier ones; at least one member."""
    words = {
        member_id: hash_terms(
            rules.list_terms(full_name=each.full_name, phone=each.phone, nik=each.nik), keyring
        )
        for member_id, each in named.items()
    }
    await queries.upsert_words(session, words)


def hash_search(text: str, keyring: Keyring) -> tuple[int, ...]:
    """Return the hashes that a member must have. Raises: SearchTooShort, SearchNumberTooLong."""
    return hash_terms(rules.parse_search(text), keyring)


def hash_terms(terms: Iterable[Term], keyring: Keyring) -> tuple[int, ...]:
    """Return the first eight bytes of the keyed hash of each term, in order."""
    hashes = (keyring.lookup(kind, text)[:8] for kind, text in terms)
    return tuple(sorted(int.from_bytes(each, "big", signed=True) for each in hashes))
