from datetime import date
from typing import Annotated

from pydantic import Field, StrictBool

from member_service.holidays.rules import Holiday, HolidayKind
from perisai_kit.http.types import Model, Out, ShortText, with_example


class NewHolidayCorrection(Model):
    """An officer's correction of one day."""

    model_config = with_example(is_holiday=True, name="Cuti bersama Idul Adha")

    is_holiday: Annotated[StrictBool, Field(description="False: a working day after all.")]
    name: Annotated[ShortText, Field(description="Name of the holiday, or why it is none.")]


class HolidayOut(Out):
    day: Annotated[date, Field(description="The day, in Indonesia.")]
    name: Annotated[str, Field(description="In Indonesian.")]
    kind: Annotated[
        HolidayKind,
        Field(description="Public holiday, joint leave (cuti bersama), or set by an officer."),
    ]

    @classmethod
    def of(cls, holiday: Holiday) -> "HolidayOut":
        return cls(day=holiday.day, name=holiday.name, kind=holiday.kind)


class HolidaysOut(Out):
    """The holidays of a year, by day."""

    items: Annotated[list[HolidayOut], Field(description="Weekends are not listed.")]
