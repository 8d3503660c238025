"""The pages and files that people read, by address."""

from typing import NamedTuple

JAVASCRIPT = "text/javascript; charset=utf-8"
STYLES = "text/css; charset=utf-8"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
START = "/"
REFERENCE = "/docs"
GUIDE = "/docs/front-end"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing of another origin and nothing that stands in the page itself is run or shown; the style
sheet of the reference has its pictures as `data:`. Source: Content Security Policy Level 3."""


class File(NamedTuple):
    """package: the package that contains it. name: below its folder `static`.

    The guide is docs/front-end.md, to which a symbolic link leads; a wheel holds its content.
    """

    package: str
    name: str
    media_type: str


FILES = {
    START: File("gateway.reference", "start.html", HTML),
    REFERENCE: File("gateway.reference", "docs.html", HTML),
    GUIDE: File("gateway.reference", "front-end.txt", TEXT),
    "/docs/static/pages.css": File("gateway.reference", "pages.css", STYLES),
    "/docs/static/reference.js": File("gateway.reference", "reference.js", JAVASCRIPT),
    "/docs/static/icon.svg": File("gateway.reference", "icon.svg", "image/svg+xml"),
    "/docs/static/swagger-ui.css": File("fastapi_offline", "swagger-ui.css", STYLES),
    "/docs/static/swagger-ui-bundle.js": File(
        "fastapi_offline", "swagger-ui-bundle.js", JAVASCRIPT
    ),
}
LINKS = {
    "reference": REFERENCE,
    "front_end": GUIDE,
    "openapi": "/openapi.json",
    "keys": "/.well-known/jwks.json",
    "ready": "/ready",
    "server_time": "/v1/server-time",
}
"""What the start page leads to, for programs."""


def prefers_json(accept: str) -> bool:
    """Tell whether an Accept header asks for JSON and not for a page."""
    return "application/json" in accept and "text/html" not in accept
