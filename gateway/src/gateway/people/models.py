import uuid

from sqlalchemy.orm import Mapped, mapped_column

from gateway.base import Base


class AgentAccount(Base):
    """The account of an agent, also of one who has lost the role. Insert only.

    It gets the notices about what a former agent is still owed. It has no foreign key, because
    agent-service decides which account it is.
    """

    __tablename__ = "agent_accounts"

    agent_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID]
