"""The environment variables of each process of the sandbox."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from sandbox import treasury
from sandbox.postgres import Postgres
from sandbox.roles import Role
from sandbox.services import Service
from sandbox.vault import Secrets

CLOCK_FILE = "clock.json"
FAKEBANK_FILE = "fakebank.json"


def build_environment(
    service: Service,
    services: Sequence[Service],
    *,
    secrets: Secrets,
    database_url: str | None,
    folder: Path,
) -> dict[str, str]:
    """Return the variables of one process; variables of the caller take precedence.

    database_url: for the role that runs the service. No process gets the secrets of another one.
    """
    variables = {
        "PERISAI_ISSUER": _gateway(services).url,
        "PERISAI_SANDBOX": "1",
        "PERISAI_CLOCK_FILE": str(folder / CLOCK_FILE),
        "RUN_WORKER": "1",
        "PYTHONUNBUFFERED": "1",
    }
    variables |= {f"{each.prefix}URL": each.url for each in services}
    if service.name == "payment":
        variables |= treasury.VARIABLES
    if service.sandbox:
        variables["PERISAI_FAKEBANK_CONFIG"] = str(folder / FAKEBANK_FILE)
    if service.name in secrets.services:
        variables |= _service_secrets(service, services, secrets)
    if database_url is not None:
        variables[f"{service.prefix}DATABASE_URL"] = database_url
    return {**variables, **os.environ}


def find_database_url(service: Service, postgres: Postgres, role: Role) -> str | None:
    """Return the database URL of a service for this role; the environment may override it."""
    if service.database is None:
        return None
    given = _variable(service, role)
    if given in os.environ:
        return os.environ[given]
    if role == "owner" and _variable(service, "app") in os.environ:
        return None  # an external database, which its owner migrates
    return postgres.url(service.database, role)


def _variable(service: Service, role: Role) -> str:
    return f"{service.prefix}{'OWNER_' if role == 'owner' else ''}DATABASE_URL"


def _service_secrets(
    service: Service, services: Sequence[Service], secrets: Secrets
) -> dict[str, str]:
    own = secrets.services[service.name]
    variables = {
        f"{service.prefix}DATA_KEYS": own.data_keys,
        f"{service.prefix}LOOKUP_KEY": own.lookup_key,
    }
    if service.client is not None:
        variables[f"{service.prefix}CLIENT_SECRET"] = own.client_secret
    if service == _gateway(services):
        # The gateway knows the services' secrets and signs its own token.
        variables[f"{service.prefix}SERVICE_CLIENTS"] = json.dumps(
            {
                each.client: secrets.services[each.name].client_secret
                for each in services
                if each.client is not None
            }
        )
    return variables


def _gateway(services: Sequence[Service]) -> Service:
    return services[0]
