"""The reasons to refuse a sign-in."""

from perisai_kit.domain.errors import Forbidden, Invalid, Unauthenticated


class SignInRefused(Unauthenticated):
    """The same answer for an unknown name, a wrong password and a wrong authenticator code."""

    code = "sign_in_refused"
    text = "The username, the password or the authenticator code is wrong."
    text_id = "Nama pengguna, kata sandi, atau kode autentikator salah."


class TotpRequired(Unauthenticated):
    code = "totp_required"
    text = "Also send the code of your authenticator app."
    text_id = "Kirim juga kode dari aplikasi autentikator Anda."


class AccountLocked(Forbidden):
    code = "account_locked"
    text = "This account is locked. Contact an administrator."
    text_id = "Akun ini dikunci. Hubungi administrator."


class AccountNotOffered(Invalid):
    code = "account_not_offered"
    text = (
        "This account does not belong to your telephone number. Choose one of the listed accounts."
    )
    text_id = "Akun ini bukan milik nomor telepon Anda. Pilih salah satu akun dalam daftar."
