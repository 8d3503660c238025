import uuid

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from member_service.base import Base


class SearchWords(Base):
    """Keyed hashes of the terms under which a member is found. A row of its own, because the row
    of the member changes with every payment and this index is costly to write."""

    __tablename__ = "search_words"
    __table_args__ = (Index(None, "words", postgresql_using="gin"),)

    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"), primary_key=True)
    words: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
