"""The OpenAPI document of the platform, a file that is generated when the platform is set up.

It is a file of this package, because the gateway does not import the services.
"""

from functools import cache
from importlib.resources import files

from perisai_kit.http.answers.fixed import FixedAnswer

FILE_NAME = "openapi.json"


@cache
def published() -> FixedAnswer | None:
    """Return the document; None if it was not generated yet."""
    file = files("gateway.openapi").joinpath(FILE_NAME)
    return FixedAnswer.of(file.read_bytes(), "application/json") if file.is_file() else None
