"""The apps of the platform, built only to be described, and the document of them all."""

import base64
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr

import agent_service.app
import gateway.app
import member_service.app
import payment_service.app
from perisai_kit.domain.errors import DomainError
from perisai_kit.http.problems import get_status
from sandbox.openapi.describe import describe
from sandbox.openapi.merge import merge
from sandbox.openapi.schemas import Document
from sandbox.openapi.snap import snap_document

PACKAGES = ("perisai_kit", "gateway", "agent_service", "member_service", "payment_service")
NOT_IMPORTED = (".create_admin", ".__main__", ".worker")
SERVICES = {
    "agent": agent_service.app,
    "member": member_service.app,
    "payment": payment_service.app,
}


def error_classes() -> list[type[DomainError]]:
    """Return every error a user can meet, by code."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages(
            importlib.import_module(package).__path__, f"{package}."
        ):
            if ".testing" not in module.name and not module.name.endswith(NOT_IMPORTED):
                importlib.import_module(module.name)
    found = {kind for kind in _below(DomainError) if kind.__module__.split(".")[0] in PACKAGES}
    return sorted(found, key=lambda kind: kind.code)


def _below(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    for sub in kind.__subclasses__():
        # A private base without a code is never raised itself.
        if "code" in vars(sub) or not sub.__name__.startswith("_"):
            yield sub
        yield from _below(sub)


def build_app(module: Any) -> FastAPI:
    """Return the app of a package. It is never started: nothing is opened, and no key is used."""
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


def service_documents() -> dict[str, Document]:
    """Return the document of each service behind the gateway, by its short name."""
    return {name: describe(build_app(module)) for name, module in SERVICES.items()}


def openapi_document(services: Mapping[str, Document] | None = None) -> Document:
    """Return the one document of the platform.

    services: what `service_documents` returned, where that is known; it is changed.
    """
    known = service_documents() if services is None else services
    documents = {f"{name}-service": each for name, each in known.items()}
    documents["gateway"] = describe(build_app(gateway.app))
    _add(documents["payment-service"], snap_document())
    codes = {
        kind.code: {"status": get_status(kind), "en": kind.text, "id": kind.text_id}
        for kind in error_classes()
    }
    return merge(documents, version=version("gateway"), problem_codes=codes)


def _add(document: Document, more: Document) -> None:
    document["paths"] |= more["paths"]
    document["components"]["schemas"] |= more["components"]["schemas"]
