"""Passwords and authenticator codes."""

from perisai_kit.errors import Conflict, Forbidden


class NotAStaffAccount(Conflict):
    code = "not_a_staff_account"
    text = "Only a staff account has a password."
    text_id = "Hanya akun staf yang memiliki kata sandi."


class PasswordIncorrect(Forbidden):
    code = "password_incorrect"
    text = "The present password is not right."
    text_id = "Kata sandi saat ini tidak benar."


class TotpIncorrect(Forbidden):
    code = "totp_incorrect"
    text = "The code of the authenticator app is not right."
    text_id = "Kode aplikasi autentikator tidak benar."


class TotpNotPrepared(Conflict):
    code = "totp_not_prepared"
    text = "Ask for an authenticator secret first."
    text_id = "Mintalah kunci autentikator lebih dahulu."


class TotpAlreadyOn(Conflict):
    code = "totp_already_on"
    text = "An authenticator app is in use; remove it first."
    text_id = "Aplikasi autentikator sudah aktif; hapus lebih dahulu."
