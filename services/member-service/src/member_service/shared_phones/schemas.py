from typing import Annotated

from pydantic import Field

from member_service.shared_phones.rules import RiskFlag
from perisai_kit.http.types import Out


class RiskFlagsOut(Out):
    """Marks for possible fraud; nothing is refused because of them."""

    items: Annotated[list[RiskFlag], Field(description="What is striking about the member.")]
