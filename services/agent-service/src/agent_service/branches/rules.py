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


class NotForTheCountry(Forbidden):
    code = "country_scope_required"
    text = "Only an administrator or an officer for the whole country can do this."
    text_id = "Hanya administrator atau petugas tingkat nasional yang dapat melakukan ini."


class BranchOutOfScope(Forbidden):
    code = "branch_out_of_scope"
    text = "This branch is outside of your scope."
    text_id = "Kantor cabang ini di luar wilayah kewenangan Anda."


def check_may_open(*, is_admin: bool, for_country: bool) -> None:
    """Check that an administrator or an officer of the country opens a branch.

    Raises: NotForTheCountry.
    """
    if not (is_admin or for_country):
        raise NotForTheCountry


def check_in_scope(*, covered: bool) -> None:
    """Check that the subject's scope covers the branch. Raises: BranchOutOfScope."""
    if not covered:
        raise BranchOutOfScope
