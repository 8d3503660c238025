"""The files, read and compressed once."""

from functools import cache
from importlib.resources import files

from gateway.reference.rules import FILES, HTML, POLICY
from perisai_kit.http.answers.fixed import FixedAnswer


@cache
def load(path: str) -> FixedAnswer:
    """Return the file at an address of `FILES`. Reads and compresses: for a thread."""
    file = FILES[path]
    content = files(file.package).joinpath("static", file.name).read_bytes()
    policy = {"Content_Security_Policy": POLICY} if file.media_type == HTML else {}
    return FixedAnswer.of(content, file.media_type, **policy)
