"""The reasons to refuse a sign-in."""

from perisai_kit.domain.errors import Forbidden, Invalid, Unauthenticated


class SignInRefused(Unauthenticated):
    """The same answer for an unknown name, a wrong password and a wrong authenticator code."""

    code = "sign_in_refused"
    text = "Username, password or authenticator code is not right."
    text_id = "Nama pengguna, kata sandi, atau kode autentikator salah."


class TotpRequired(Unauthenticated):
    code = "totp_required"
    text = "Send the code of your authenticator app too."
    text_id = "Kirim juga kode dari aplikasi autentikator Anda."


class AccountLocked(Forbidden):
    code = "account_locked"
    text = "This account is locked; ask an administrator."
    text_id = "Akun ini dikunci; hubungi administrator."


class AccountNotOffered(Invalid):
    code = "account_not_offered"
    text = "This number does not lead to that account."
    text_id = "Nomor ini tidak terhubung dengan akun tersebut."
