from typing import Annotated

from pydantic import Field, StrictBool

from perisai_kit.http.types import Code, Model


class Attestation(Model):
    """An officer's word on a requirement that has no check of its own."""

    requirement: Code
    met: StrictBool
    reason_code: Code | None = None


class NewVerification(Model):
    attestations: Annotated[tuple[Attestation, ...], Field(max_length=20)] = ()
