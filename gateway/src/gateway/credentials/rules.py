"""Passwords and authenticator codes."""

from collections.abc import Collection

from perisai_kit.domain.errors import Conflict, Forbidden


class NotAStaffAccount(Conflict):
    code = "not_a_staff_account"
    text = "Only a staff account has a password."
    text_id = "Hanya akun staf yang memiliki kata sandi."


class PasswordIncorrect(Forbidden):
    code = "password_incorrect"
    text = "The current password is wrong."
    text_id = "Kata sandi saat ini salah."


class TotpIncorrect(Forbidden):
    code = "totp_incorrect"
    text = "The code of the authenticator app is wrong."
    text_id = "Kode aplikasi autentikator salah."


class TotpNotPrepared(Conflict):
    code = "totp_not_prepared"
    text = "Request an authenticator secret first."
    text_id = "Minta kunci autentikator terlebih dahulu."


class TotpAlreadyOn(Conflict):
    code = "totp_already_on"
    text = "An authenticator app is already active. Remove it first."
    text_id = "Aplikasi autentikator sudah aktif. Hapus terlebih dahulu."


class TotpEnrolmentRequired(Forbidden):
    """details: `enrolment_token`, and `expires_in` in seconds."""

    code = "totp_enrolment_required"
    text = (
        "Your role needs an authenticator app. Set it up at /v1/me/totp with "
        "details.enrolment_token as access token, then sign in with its code."
    )
    text_id = (
        "Peran Anda wajib memakai aplikasi autentikator. Pasang lewat /v1/me/totp dengan "
        "details.enrolment_token sebagai token akses, lalu masuk dengan kodenya."
    )


class TotpEnrolmentOnly(Forbidden):
    code = "totp_enrolment_only"
    text = "This token can only be used to set up an authenticator app."
    text_id = "Token ini hanya dapat dipakai untuk memasang aplikasi autentikator."


ENROLMENT = "totp_enrolment"
"""The `amr` of a token without roles that only permits to set up an authenticator app."""
ENROLMENT_PATHS = frozenset({"/v1/me", "/v1/me/totp", "/v1/me/totp/confirmation"})
"""The addresses that accept such a token."""
NEEDING_SECOND_FACTOR = frozenset({"admin", "finance_officer", "bank_engineer"})
"""Roles with power over accounts or money, and that of people outside the offices."""


def needs_second_factor(roles: Collection[str], amr: Collection[str], *, sandbox: bool) -> bool:
    """Tell whether a sign-in without a second factor is too weak for the account's roles."""
    return not sandbox and not NEEDING_SECOND_FACTOR.isdisjoint(roles) and "mfa" not in amr
