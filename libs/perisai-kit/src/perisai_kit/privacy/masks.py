"""Masks of personal data."""


def mask_nik(nik: str) -> str:
    """Return 3510********0001: regency and serial."""
    return f"{nik[:4]}{'*' * 8}{nik[-4:]}" if len(nik) == 16 else "*" * len(nik)


def mask_name(name: str) -> str:
    """Return S*** A***: initials, without the lengths of the words."""
    return " ".join(f"{word[0]}***" for word in name.split())


def mask_phone(phone: str) -> str:
    """Return stars and the last three digits."""
    return _last(phone, 3)


def mask_account(account: str) -> str:
    """Return stars and the last four digits of an account number."""
    return _last(account, 4)


def mask_email(email: str) -> str:
    """Return s***@example.org: the first letter and the domain."""
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}***@{domain}"


def _last(text: str, shown: int) -> str:
    if len(text) <= 2 * shown:
        return "*" * len(text)
    return "*" * (len(text) - shown) + text[-shown:]
