import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tramontane.corpus.keyset import KeySet

Batches = st.lists(st.lists(st.integers(0, 300), max_size=40), max_size=20)


@settings(max_examples=50)
@given(Batches)
def test_behaves_like_a_set(batches: list[list[int]]) -> None:
    keys, oracle = KeySet(100_000), set[int]()
    for batch in batches:
        keys.add(np.array(batch, dtype=np.uint64))
        oracle.update(batch)
    asked = np.arange(301, dtype=np.uint64).reshape(7, 43)
    np.testing.assert_array_equal(
        keys.contains(asked), [[key in oracle for key in row] for row in asked.tolist()]
    )


def test_forgets_the_oldest_when_full() -> None:
    keys = KeySet(80)
    for first in range(0, 200, 5):
        keys.add(np.arange(first, first + 5, dtype=np.uint64))
        assert len(keys) <= 80
    assert keys.forgotten == 200 - len(keys)
    assert keys.contains(np.arange(200 - len(keys), 200, dtype=np.uint64)).all()
    assert not keys.contains(np.arange(200 - len(keys), dtype=np.uint64)).any()


def test_runs_stay_few() -> None:
    keys = KeySet(1_000_000)
    for first in range(0, 20_000, 10):
        keys.add(np.arange(first, first + 10, dtype=np.uint64))
    assert len(keys._runs) < 16
    assert len(keys) == 20_000
