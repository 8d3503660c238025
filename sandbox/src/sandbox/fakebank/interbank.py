"""By which network a bank with a choice is to pay another one: services 16 and 18, as BCA has them.

Source: docs/snap.md 4.1 and 4.2.
"""

from collections.abc import Mapping

from snap_bi.codes import Service
from snap_bi.errors import FieldProblem, ProblemKind
from snap_bi.transfer_rules import InterbankRoute, TransferRules

NUMBERS = {
    Service.ACCOUNT_INQUIRY_EXTERNAL: "inquiryService",
    Service.TRANSFER_INTERBANK: "transferType",
}
"""The field with the bank's number of the route."""
WITH_BI_FAST = {
    Service.ACCOUNT_INQUIRY_EXTERNAL: ("sourceAccountNo", "amount", "purposeCode"),
    Service.TRANSFER_INTERBANK: ("purposeCode",),
}
PURPOSES = frozenset({"01", "02", "03", "99"})


def read_route(
    service: Service, rules: TransferRules, info: Mapping[str, object] | None
) -> InterbankRoute | None:
    """Return the route that a request names; None: the bank has no such choice for this service.

    Raises: FieldProblem for a missing or unknown number, or where BI-FAST lacks what it needs.
    """
    if service not in NUMBERS or not rules.route_numbers:
        return None
    stated, name = info or {}, NUMBERS[service]
    routes = {number: route for route, number in rules.route_numbers}
    route = routes.get(str(_read(stated, name)))
    if route is None:
        raise FieldProblem(ProblemKind.FORMAT, name)
    if route is InterbankRoute.BI_FAST:
        for needed in WITH_BI_FAST[service]:
            _read(stated, needed)
        if stated["purposeCode"] not in PURPOSES:
            raise FieldProblem(ProblemKind.FORMAT, "purposeCode")
    return route


def _read(stated: Mapping[str, object], name: str) -> object:
    if not stated.get(name):
        raise FieldProblem(ProblemKind.MISSING, name)
    return stated[name]
