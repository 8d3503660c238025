from typing import Annotated

from pydantic import Field, StrictBool

from perisai_kit.http.types import Code, Model, with_example


class Attestation(Model):
    """An officer's word on a requirement that has no check of its own."""

    requirement: Annotated[Code, Field(description="Which requirement.")]
    met: Annotated[StrictBool, Field(description="Whether it is met.")]
    reason_code: Annotated[Code | None, Field(description="Why not, as a code.")] = None


class NewVerification(Model):
    model_config = with_example(attestations=[{"requirement": "npwp", "met": True}])

    attestations: Annotated[
        tuple[Attestation, ...],
        Field(max_length=20, description="What an officer confirms; empty for an applicant."),
    ] = ()
