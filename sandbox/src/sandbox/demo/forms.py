"""The request bodies to register an agent."""

import secrets
from datetime import date, timedelta
from typing import Any

from sandbox.demo.people import Person

BRANCH = "BWI"
AGREEMENT_DAYS = 364


def wadah_body(
    today: date, name: str = "Rukun Nelayan", *, pays: str | None = None
) -> dict[str, Any]:
    """Return a new wadah of Banyuwangi with an agreement since last month.

    pays: who is paid the incentives of its agents; None: as the commission scheme says.
    """
    starts_on = today - timedelta(days=30)
    return {
        "name": name,
        "kind": "association",
        "legal_entity": False,
        "branch_code": BRANCH,
        "agreement": {
            "number": f"PKS/{secrets.token_hex(4)}",
            "starts_on": starts_on.isoformat(),
            "ends_on": (starts_on + timedelta(days=AGREEMENT_DAYS)).isoformat(),
            "pays": pays,
        },
    }


def application_body(
    person: Person, *, wadah_id: str, bank_code: str, account_no: str
) -> dict[str, Any]:
    """Return an application of this person."""
    return {
        "wadah_id": wadah_id,
        "nik": person.nik,
        "birth_date": person.birth_date.isoformat(),
        "full_name": person.full_name,
        "citizenship": "wni",
        "bank_code": bank_code,
        "account_no": account_no,
        "account_holder_name": person.full_name,
        "device_description": "Android phone",
        "not_bpjs_employee": True,
    }


def training_body(today: date) -> dict[str, Any]:
    """Return a training completed yesterday."""
    yesterday = (today - timedelta(days=1)).isoformat()
    return {"completed_on": yesterday, "certificate_no": f"P-{secrets.token_hex(4)}"}


def exam_body(today: date) -> dict[str, Any]:
    """Return an exam passed yesterday."""
    return {"taken_on": (today - timedelta(days=1)).isoformat(), "passed": True, "score": 88}
