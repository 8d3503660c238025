from typing import Annotated, Any

from pydantic import Field, StrictBool, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from member_service.changes.rules import SENSITIVE, ConfirmationRequired
from member_service.members.schemas import Address, Email, KkText, Programmes
from perisai_kit.http.types import Model, Rupiah, ShortText, with_example


class MemberPatch(Model):
    """Only what is sent changes; `kk` and `email` may be taken away with null.

    Name, date of birth, sex, telephone, occupations and payer are corrections.
    """

    model_config = with_example(declared_income=1_500_000)

    kk: KkText | None = None
    email: Annotated[Email | None, Field(description="E-mail; null takes it away.")] = None
    place_of_birth: Annotated[
        ShortText | SkipJsonSchema[None], Field(description="Place of birth.")
    ] = None
    address: Annotated[
        Address | SkipJsonSchema[None], Field(description="Where the member lives.")
    ] = None
    declared_income: Rupiah | SkipJsonSchema[None] = None
    programmes: Programmes | SkipJsonSchema[None] = None
    employs_others: Annotated[
        StrictBool | SkipJsonSchema[None], Field(description="Employs others; then JHT is a must.")
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _not_sensitive(cls, sent: Any) -> Any:
        sensitive = [each for each in SENSITIVE if isinstance(sent, dict) and each in sent]
        if sensitive:
            raise ConfirmationRequired(field=sensitive[0], fields=sensitive)
        return sent

    @field_validator(
        "place_of_birth",
        "address",
        "declared_income",
        "programmes",
        "employs_others",
        mode="before",
    )
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise PydanticCustomError("null", "must not be null")
        return value
