import pytest
from hypothesis import given
from hypothesis import strategies as st

from snap_bi.errors import VirtualAccountMismatch
from snap_bi.profiles import BCA, BRI, PROFILES, Profile
from snap_bi.virtual_account import (
    build_customer_no,
    compute_check_digit,
    is_company_code,
    issue,
    read_virtual_account,
)


def test_check_digit_is_the_one_of_the_published_example() -> None:
    # Source: H. M. Damm's example as repeated on Wikipedia: 572 takes 4.
    assert compute_check_digit("572") == "4"
    assert compute_check_digit("5724") == "0"


@pytest.mark.parametrize("text", ["", "12-3", "+12", "1 2", "12a", "١٢"])
def test_only_digits_have_a_check_digit(text: str) -> None:
    with pytest.raises(ValueError, match="digits"):
        compute_check_digit(text)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda one: one.name)
@given(serial=st.integers(0, 9 * 10**11 - 1))
def test_customer_number_has_the_profiles_length(profile: Profile, serial: int) -> None:
    if serial >= 9 * 10 ** (profile.customer_no_length - 2):
        return
    number = build_customer_no(serial, profile)

    assert len(number) == profile.customer_no_length
    assert compute_check_digit(number) == "0"
    assert not number.startswith("0")


@given(st.integers(0, 9 * 10**11 - 1), st.integers(0, 12), st.integers(1, 9))
def test_every_single_wrong_digit_is_found(serial: int, place: int, change: int) -> None:
    digits = list(build_customer_no(serial % (9 * 10**11), BRI))
    digits[place] = str((int(digits[place]) + change) % 10)

    assert compute_check_digit("".join(digits)) != "0"


@given(st.integers(0, 9 * 10**11 - 1), st.integers(0, 11))
def test_every_swap_of_unequal_neighbours_is_found(serial: int, place: int) -> None:
    digits = list(build_customer_no(serial, BRI))
    if digits[place] == digits[place + 1]:
        return
    digits[place], digits[place + 1] = digits[place + 1], digits[place]

    assert compute_check_digit("".join(digits)) != "0"


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_different_serials_give_different_numbers(one: int, other: int) -> None:
    assert (build_customer_no(one, BRI) == build_customer_no(other, BRI)) == (one == other)


@pytest.mark.parametrize("serial", [-1, 9 * 10**11])
def test_serial_that_does_not_fit_is_refused(serial: int) -> None:
    with pytest.raises(ValueError, match="serial"):
        build_customer_no(serial, BRI)


@pytest.mark.parametrize(("profile", "length"), [(BCA, 26), (BRI, 21)])
def test_account_is_padded_on_the_left_to_the_banks_length(profile: Profile, length: int) -> None:
    account = issue("12345", 7, profile)

    assert account.partner_service_id == "   12345"
    assert len(account.padded) == length
    assert account.number == account.padded.strip()


@pytest.mark.parametrize("code", ["", "123456789", "12a", "١٢"])
def test_company_code_is_one_to_eight_digits(code: str) -> None:
    with pytest.raises(ValueError, match="company code"):
        issue(code, 0, BRI)


SAME_CODES = {
    "12345": ["   12345", " 12345", "12345", "12345   ", "00012345", "  012345"],
    "01234": ["   01234", "00001234", "01234", "    1234"],
    "00012345": ["00012345", "   12345"],
    "12345678": ["12345678"],
    "0": ["       0", "00000000"],
}
OTHER_CODES = {
    "12345": ["   12346", "00123450", "12345000", "000012345", "1234", "", "        "],
    "01234": ["00012340", "   01235", "00000123"],
    "0": ["", "       1"],
}


@pytest.mark.parametrize(("code", "sent"), [(c, s) for c in SAME_CODES for s in SAME_CODES[c]])
def test_a_company_code_is_the_same_in_either_padding(code: str, sent: str) -> None:
    assert is_company_code(sent, code)


@pytest.mark.parametrize(("code", "sent"), [(c, s) for c in OTHER_CODES for s in OTHER_CODES[c]])
def test_another_company_code_is_another_one_in_any_padding(code: str, sent: str) -> None:
    assert not is_company_code(sent, code)


@pytest.mark.parametrize(("code", "sent"), [(c, s) for c in SAME_CODES for s in SAME_CODES[c]])
def test_an_account_is_read_without_its_padding(code: str, sent: str) -> None:
    found = read_virtual_account(
        company_code=code, customer_no=" 678 ", virtual_account_no=sent.rstrip() + "678"
    )

    assert (found.company_code, found.customer_no, found.number) == (code, "678", code + "678")


@pytest.mark.parametrize(
    ("code", "account_no"),
    [
        ("12345", "12345679"),
        ("12345", "12345"),
        ("12345", "678"),
        ("12345", "   12345 678"),
        ("12345", "000012345678"),
        ("12345", "00012346678"),
        ("12345", "12345000678"),
        ("12345", ""),
        ("0", "678"),
    ],
)
def test_account_number_that_is_not_its_parts_is_refused(code: str, account_no: str) -> None:
    with pytest.raises(VirtualAccountMismatch):
        read_virtual_account(company_code=code, customer_no="678", virtual_account_no=account_no)
