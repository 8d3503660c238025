from datetime import date, datetime

from perisai_kit.http.types import Out


class ServerTimeOut(Out):
    now: datetime
    today: date
    timezone: str
