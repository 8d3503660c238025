from typing import Annotated

from pydantic import Field

from perisai_kit.http.types import Code, Instant, Model


class Consent(Model):
    purpose_version: Annotated[Code, Field(description="Which text the member agreed to.")]
    given_at: Annotated[Instant, Field(description="When the member agreed.")]
