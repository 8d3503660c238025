from bench.report import LATEST, PAGE, format_page
from bench.results import Round, build_missing_result, build_result, read_results


def test_the_page_is_that_of_the_stored_results() -> None:
    assert PAGE.read_text() == format_page(read_results(LATEST)), "run `make docs`"


def test_the_page_says_each_figure_and_how_it_was_measured() -> None:
    shown = format_page(
        [
            build_result("callbacks_direct", [Round(2500, 2000)], "wrk"),
            build_result("event_lag", [Round(1.25)], "slow"),
            build_missing_result("gateway_proxy", "haproxy is not installed"),
        ]
    ).splitlines()

    assert "| `callbacks_direct` | payments/s | 2,500 | 2,000 | 1.25 | ≥ 1 | yes |" in shown
    assert "| `event_lag` | s | 1.25 | - | - | ≤ 1 | no |" in shown
    assert "| `gateway_proxy` | requests/s | - | - | - | ≥ 0.5 | - |" in shown
    assert "- `callbacks_direct`: wrk; one round." in shown
    assert "- `gateway_proxy`: not measured: haproxy is not installed." in shown
