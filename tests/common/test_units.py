import pytest

from tramontane.common.units import format_bytes, format_count, format_duration


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 * 2**30, "3.0 GiB"), (2**41, "2.0 TiB")],
)
def test_bytes(count: int, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("count", "text"), [(999, "999"), (1200, "1.2k"), (54_500_000, "54.5M"), (7e9, "7.0B")]
)
def test_counts(count: float, text: str) -> None:
    assert format_count(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(59.4, "59 s"), (61, "1 min 01 s"), (3725, "1 h 02 min")])
def test_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
