from uuid import UUID

from perisai_kit.http.types import Code, Instant, Model, Out, ShortText


class NewBranch(Model):
    code: Code
    name: ShortText
    region_code: Code


class BranchOut(Out):
    code: str
    name: str
    region_code: str
    opened_at: Instant
    opened_by: UUID
