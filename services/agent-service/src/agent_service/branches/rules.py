"""Rules for branch offices."""

from perisai_kit.domain.errors import Conflict, Forbidden, NotFound


class BranchNotFound(NotFound):
    code = "branch_not_found"
    text = "There is no branch with this code."
    text_id = "Tidak ada kantor cabang dengan kode ini."


class BranchExists(Conflict):
    code = "branch_exists"
    text = "There is already a branch with this code."
    text_id = "Kantor cabang dengan kode ini sudah ada."


class BranchOutOfScope(Forbidden):
    code = "branch_out_of_scope"
    text = "This branch is outside of your scope."
    text_id = "Kantor cabang ini di luar wilayah kewenangan Anda."


def check_in_scope(*, covered: bool) -> None:
    """Check that the subject's scope covers the branch. Raises: BranchOutOfScope."""
    if not covered:
        raise BranchOutOfScope
