import pytest
from hypothesis import given
from hypothesis import strategies as st

from tramontane.api.stops import StopMatcher


def run(stops: list[str], pieces: list[str]) -> tuple[str, bool]:
    matcher = StopMatcher(stops)
    out = ""
    for piece in pieces:
        out += matcher.push(piece)
        if matcher.stopped:
            return out, True
    return out + matcher.finish(), False


def oracle(stops: list[str], text: str) -> tuple[str, bool]:
    """Character by character: the first at which a stop string is complete ends the text before it."""
    for end in range(1, len(text) + 1):
        complete = [stop for stop in stops if text[:end].endswith(stop)]
        if complete:
            return text[: end - max(map(len, complete))], True
    return text, False


@pytest.mark.parametrize(
    ("stops", "pieces", "expected"),
    [
        (["\nUser:"], ["Hello", "\nUs", "er", ": no"], ("Hello", True)),
        (["###"], ["a#", "#b", "##", "#c"], ("a##b", True)),
        (["abcd", "bc"], ["ab", "c"], ("a", True)),
        (["xyz"], ["ends in x", "y"], ("ends in xy", False)),
        ([], ["all", " of it"], ("all of it", False)),
        (["é"], ["caf", "é!"], ("caf", True)),
        (["aab"], ["aaa", "b"], ("a", True)),
    ],
)
def test_stops_across_pieces(stops: list[str], pieces: list[str], expected: tuple[str, bool]) -> None:
    assert run(stops, pieces) == expected


@given(
    stops=st.lists(st.text("abc", min_size=1, max_size=4), max_size=3),
    pieces=st.lists(st.text("abc", max_size=5), max_size=8),
)
def test_pieces_do_not_matter(stops: list[str], pieces: list[str]) -> None:
    assert run(stops, pieces) == oracle(stops, "".join(pieces))


@given(
    stops=st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=3),
    pieces=st.lists(st.text("ab", max_size=3), max_size=8),
)
def test_nothing_that_belongs_to_a_stop_is_passed_on(stops: list[str], pieces: list[str]) -> None:
    """What is out already never has to be taken back."""
    matcher = StopMatcher(stops)
    out = ""
    whole = oracle(stops, "".join(pieces))[0]
    for piece in pieces:
        out += matcher.push(piece)
        assert whole.startswith(out)
        if matcher.stopped:
            break
