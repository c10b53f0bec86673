from pathlib import Path

import pytest

from tramontane.common.files import sha256_file, write_atomic, write_text_atomic


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    write_text_atomic(target, "old")

    def fail(path: Path) -> None:
        path.write_text("half of the n")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomic(target, fail)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_text_is_written_as_utf_8_and_hashed_as_bytes(tmp_path: Path) -> None:
    write_text_atomic(tmp_path / "été", "été")
    assert (tmp_path / "été").read_bytes() == b"\xc3\xa9t\xc3\xa9"
    assert sha256_file(tmp_path / "été") == (
        "bd010c64132bf5cae8aea89f6762515727dcf68a5dd1de813c87f50a16c4513c"
    )
