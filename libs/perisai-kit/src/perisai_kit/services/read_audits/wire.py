"""Read audits on the wire."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.http.types import AccountId, AgentId, Out, RecordId, WadahId
from perisai_kit.privacy.read_audit import ReadAudit


class ReaderOut(Out):
    """Who read, as they were at that time. No name: ask the branch."""

    roles: Annotated[
        list[Role], Field(description="Their roles; empty in records of an earlier version.")
    ]
    scope_kind: Annotated[
        ScopeKind | None, Field(description="What the reader works for: a branch, a region, all.")
    ]
    scope_code: Annotated[str | None, Field(description="Code of that branch or region.")]
    agent_id: AgentId | None
    wadah_id: WadahId | None
    client_id: Annotated[
        str | None, Field(description="The service that read; null where a person did.")
    ]


class OwnReadAuditOut(Out):
    """One request that showed data of yours to somebody else."""

    id: RecordId
    at: Annotated[datetime, Field(description="When it was read.")]
    operation: Annotated[
        str,
        Field(
            description="Which operation showed it, with the names of its parameters.",
            examples=["GET /v1/members/{member_id}/identity"],
        ),
    ]
    reader: Annotated[ReaderOut, Field(description="Who read.")]

    @classmethod
    def of(cls, row: ReadAudit) -> Self:
        reader = ReaderOut(
            roles=[Role(each) for each in row.roles],
            scope_kind=ScopeKind(row.scope_kind) if row.scope_kind else None,
            scope_code=row.scope_code,
            agent_id=row.agent_id,
            wadah_id=row.wadah_id,
            client_id=row.client_id,
        )
        return cls(id=row.id, at=row.at, operation=row.kind, reader=reader, **cls._more(row))

    @classmethod
    def _more(cls, row: ReadAudit) -> dict[str, object]:
        return {}


class ReadAuditOut(OwnReadAuditOut):
    """One request that showed personal data."""

    account_id: AccountId
    request_id: Annotated[str, Field(description="Id of the request in the logs.")]
    id_count: Annotated[
        int, Field(description="How many ids of persons it names; a person may have several.")
    ]

    @classmethod
    def _more(cls, row: ReadAudit) -> dict[str, object]:
        return {
            "account_id": row.account_id,
            "request_id": row.request_id,
            "id_count": len(row.ids),
        }


class ReadAuditDetailOut(ReadAuditOut):
    """One request with the persons whose data it showed."""

    person_ids: Annotated[
        list[UUID], Field(description="Their ids: of members, of agents and of accounts.")
    ]

    @classmethod
    def _more(cls, row: ReadAudit) -> dict[str, object]:
        return {**super()._more(row), "person_ids": row.ids}
