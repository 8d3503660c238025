"""The documents that are generated from the code, so that they cannot lie.

`python -m sandbox.documents` writes docs/errors.md, docs/events.md and the gateway's merged
OpenAPI document. A test compares them with what the code says now.
"""

import base64
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr

import agent_service.app
import gateway.app
import member_service.app
import payment_service.app
from gateway.openapi.service import as_text, merge, own_document
from perisai_kit.domain.errors import DomainError
from perisai_kit.domain.field_errors import FIELD_TEXTS
from perisai_kit.events.docs import render_events
from perisai_kit.http.problems import get_status

PACKAGES = ("perisai_kit", "gateway", "agent_service", "member_service", "payment_service")
ROOT = Path(__file__).parents[3]
OPENAPI = Path("gateway/src/gateway/openapi/openapi.json")


def error_classes() -> list[type[DomainError]]:
    """Return every error a user can meet, by code."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages(
            importlib.import_module(package).__path__, f"{package}."
        ):
            if not module.name.endswith((".testing", ".create_admin", ".__main__", ".worker")):
                importlib.import_module(module.name)
    return sorted(set(_below(DomainError)), key=lambda kind: kind.code)


def _below(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    for sub in kind.__subclasses__():
        yield sub
        yield from _below(sub)


def errors_markdown() -> str:
    """Return docs/errors.md: each code with its status and its words in both languages."""
    lines = [
        "# Problem codes",
        "",
        "Generated from the code by `make docs`; do not edit.",
        "",
        "Every error is `application/problem+json` (RFC 9457) with a stable `code`. `errors` names",
        "the fields as JSON pointers. Words follow `Accept-Language` (`en`, `id`).",
        "",
        "| code | status | English | Indonesian |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{kind.code}` | {get_status(kind)} | {kind.text} | {kind.text_id} |"
        for kind in error_classes()
        if kind.__module__.split(".")[0] in PACKAGES
    ]
    lines += [
        "",
        "## Codes of fields",
        "",
        "An entry of `errors` has the code of a problem above, or one of these. Its `pointer` is",
        "the place in the body, its `parameter` the name in the query, the path or the headers.",
        "`{…}` stands for a limit or for the allowed values.",
        "",
        "| code | English | Indonesian |",
        "|---|---|---|",
        *(f"| `{code}` | {text.en} | {text.id} |" for code, text in sorted(FIELD_TEXTS.items())),
    ]
    return "\n".join(lines) + "\n"


def service_documents() -> dict[str, dict[str, Any]]:
    """Return the OpenAPI document of each service behind the gateway."""
    apps = {
        "agent": agent_service.app,
        "member": member_service.app,
        "payment": payment_service.app,
    }
    return {name: app_of(module).openapi() for name, module in apps.items()}


def app_of(module: Any) -> FastAPI:
    # An app is only built here, never started: no address is opened and no key is used.
    data_key, lookup_key = (base64.b64encode(bytes([each]) * 32).decode() for each in (0, 1))
    nowhere = "http://127.0.0.1:9"
    values = {
        "database_url": SecretStr("postgresql://app@127.0.0.1:9/none"),
        "data_keys": SecretStr(f"none:{data_key}"),
        "lookup_key": SecretStr(lookup_key),
        "client_secret": SecretStr("none"),
        "issuer": nowhere,
        "sandbox": True,
    }
    names = module.Settings.model_fields
    urls = {name: nowhere for name in names if name.endswith("_url")}
    more: dict[str, Any] = {"service_clients": {}} if "service_clients" in names else {}
    app: FastAPI = module.create_app(module.Settings(**{**urls, **values, **more}))
    return app


def openapi_document() -> dict[str, Any]:
    """Return the one OpenAPI document of the platform."""
    documents = {f"{name}-service": each for name, each in service_documents().items()}
    documents["gateway"] = own_document(app_of(gateway.app))
    codes = {
        kind.code: {"status": get_status(kind), "en": kind.text, "id": kind.text_id}
        for kind in error_classes()
        if kind.__module__.split(".")[0] in PACKAGES
    }
    return merge(documents, version=version("gateway"), problem_codes=codes)


def generated() -> dict[Path, str]:
    """Return every generated file with its present content."""
    return {
        Path("docs/errors.md"): errors_markdown(),
        Path("docs/events.md"): render_events(),
        OPENAPI: as_text(openapi_document()),
    }


def main() -> None:
    for path, text in generated().items():
        (ROOT / path).write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {path}\n")


if __name__ == "__main__":
    main()
