"""Errors of the control API."""


class ControlError(Exception):
    """One line for the developer, with its status."""

    status = 400
    code = "bad_request"
    text = "The request cannot be served."

    def __init__(self, why: str | None = None) -> None:
        super().__init__(f"{self.text} ({why})" if why else self.text)


class NoPartner(ControlError):
    status = 404
    code = "no_partner"
    text = "No bank partner has this id or this company code."


class SeveralPartners(ControlError):
    status = 409
    code = "several_partners"
    text = "Several bank partners have this company code; send partner_id."


class NoTransfer(ControlError):
    status = 404
    code = "no_transfer"
    text = "No transfer was executed under this X-EXTERNAL-ID."


class AmountNeeded(ControlError):
    status = 422
    code = "amount_needed"
    text = "Without an inquiry the amount has to be sent."
