from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StringConstraints, model_validator

from payment_service.payout_formats.rules import (
    NEEDED,
    AmountForm,
    AnswerValue,
    DateForm,
    FieldValue,
    FileFormat,
    Outcome,
)
from perisai_kit.http.types import Code, Model, Text255

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _./-]{0,59}$")]
LINE_ENDINGS = {"crlf": "\r\n", "lf": "\n"}


class ColumnDocument(Model):
    name: Name
    value: FieldValue


class AnswerColumnDocument(Model):
    name: Name
    value: AnswerValue


class AnswerDocument(Model):
    columns: tuple[AnswerColumnDocument, ...] = Field(min_length=3)
    statuses: dict[Name, Outcome] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        values = [each.value for each in self.columns if each.value is not AnswerValue.IGNORED]
        if len(set(values)) != len(values) or not set(values) >= NEEDED:
            raise ValueError("an answer needs reference, amount and status, each value once")
        return self


class FormatDocument(Model):
    """A format as shipped in the package. sources: where it is from, and how certain it is."""

    name: Code
    sources: tuple[Text255, ...] = Field(min_length=1)
    encoding: Literal["utf-8", "ascii"]
    line_ending: Literal["crlf", "lf"]
    separator: Literal[",", ";", "|", "\t"]
    quoting: Literal["minimal", "all"]
    has_header: StrictBool
    amount: AmountForm
    date: DateForm
    max_rows: int = Field(ge=1, le=500, strict=True)
    columns: tuple[ColumnDocument, ...] = Field(min_length=3)
    answer: AnswerDocument

    def value(self) -> FileFormat:
        return FileFormat(
            name=self.name,
            encoding=self.encoding,
            line_ending=LINE_ENDINGS[self.line_ending],
            separator=self.separator,
            quotes_all=self.quoting == "all",
            has_header=self.has_header,
            amount=self.amount,
            date=self.date,
            max_rows=self.max_rows,
            columns=tuple((each.name, each.value) for each in self.columns),
            answer_columns=tuple((each.name, each.value) for each in self.answer.columns),
            statuses=dict(self.answer.statuses),
        )
