from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from perisai_kit.http.types import Out


class ServerTimeOut(Out):
    now: Annotated[
        datetime, Field(description="Business time of the platform; in a sandbox the test clock.")
    ]
    today: Annotated[date, Field(description="Business date in that time zone.")]
    timezone: Annotated[str, Field(description="Time zone of dates, `Asia/Jakarta`.")]
