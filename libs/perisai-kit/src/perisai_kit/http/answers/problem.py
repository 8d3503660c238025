"""The form of a problem. Source: RFC 9457."""

from typing import Any

from pydantic import BaseModel, Field

from perisai_kit.http.types import with_example


class FieldProblem(BaseModel):
    pointer: str | None = Field(default=None, description="RFC 6901 pointer into the body.")
    parameter: str | None = Field(default=None, description="The query, path or header parameter.")
    code: str = Field(description="What is wrong, for programs.")
    detail: str = Field(description="What is wrong, in words.")


class Problem(BaseModel):
    """RFC 9457."""

    model_config = with_example(
        type="urn:perisai:problem:invalid",
        title="Some fields are not valid. Correct them and send the request again.",
        status=422,
        code="invalid",
        request_id="req_01jq3v5m0e",
        errors=[{"pointer": "/phone", "code": "phone", "detail": "must be a telephone number"}],
    )

    type: str = Field(description="URN of the code.")
    title: str = Field(description="What is wrong and what to do next, in the request's language.")
    status: int = Field(description="HTTP status.", ge=400, le=599)
    detail: str | None = Field(default=None, description="More about this case, in English only.")
    code: str = Field(description="What is wrong, for programs.")
    request_id: str | None = Field(default=None, description="Id of the request in our logs.")
    errors: list[FieldProblem] | None = Field(default=None, description="The wrong fields.")
    details: dict[str, Any] | None = Field(default=None, description="Values of the code.")
