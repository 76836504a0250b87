"""Files as they are downloaded, packed in every way, and damaged in every way."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.sources import SourceError, bundled, read_event_lines, read_taobao

TABLE = b"user_id,item_id,category_id,behavior,ts\n" + b"".join(
    b"%d,%d,9,pv,%d\n" % (row % 7, row * row, 1_511_539_217 + row) for row in range(5_000)
)


def zipped(*contents: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"{number}.csv", content)
    return packed.getvalue()


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    def put(content: bytes) -> Path:
        # One name for all: what is in a file tells how it is packed.
        path = tmp_path / "taobao.csv"
        path.write_bytes(content)
        return path

    return put


def test_packing_makes_no_difference(put: Callable[[bytes], Path]) -> None:
    events = list(read_taobao(put(TABLE)))
    assert len(events) == 5_000
    assert list(read_taobao(put(gzip.compress(TABLE)))) == events
    assert list(read_taobao(put(zipped(TABLE)))) == events
    assert list(read_taobao(put(TABLE.replace(b"\n", b"\r\n")))) == events
    assert list(read_taobao(put(b"\xef\xbb\xbf" + TABLE))) == events


def test_columns_may_stand_in_any_order(put: Callable[[bytes], Path]) -> None:
    (event,) = read_taobao(put(b"ts,more,behavior,item_id,user_id\n1511539217,?,buy,lamp,ada\n"))
    assert (event.user_id, event.item_id, event.type) == ("ada", "lamp", "purchase")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.csv cannot be read \(No such file or directory\)"):
        next(read_taobao(tmp_path / "nowhere.csv"))


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        next(read_event_lines(tmp_path))


@pytest.mark.parametrize("content", [gzip.compress(TABLE)[:-2_000], zipped(TABLE)[:-2_000]])
def test_a_file_cut_short_is_damaged_not_short(put: Callable[[bytes], Path], content: bytes) -> None:
    with pytest.raises(SourceError, match=r"taobao\.csv is damaged \(.+\); fetch it again"):
        list(read_taobao(put(content)))


def test_flipped_bits_are_damage(put: Callable[[bytes], Path]) -> None:
    content = bytearray(gzip.compress(TABLE))
    content[-6] ^= 1
    with pytest.raises(SourceError, match="is damaged"):
        list(read_taobao(put(bytes(content))))


def test_a_zip_of_many_files_is_refused(put: Callable[[bytes], Path]) -> None:
    with pytest.raises(SourceError, match="holds 2 files where one is expected"):
        next(read_taobao(put(zipped(TABLE, TABLE))))


@pytest.mark.parametrize(("field", "value"), [(6, 1), (8, 9)], ids=["with a password", "by Deflate64"])
def test_a_zip_packed_in_a_way_of_its_own_is_refused(put: Callable[[bytes], Path], field: int, value: int) -> None:
    content = bytearray(zipped(TABLE))
    content[field] = content[content.index(b"PK\x01\x02") + field + 2] = value
    with pytest.raises(SourceError, match=r"taobao\.csv cannot be unpacked here \(.+\); unpack it first"):
        next(read_taobao(put(bytes(content))))


def test_an_empty_file_has_no_columns(put: Callable[[bytes], Path]) -> None:
    with pytest.raises(SourceError, match="line 1: no column is named user_id"):
        next(read_taobao(put(b"")))


def test_bytes_that_are_not_utf8_are_named_by_their_own_line(put: Callable[[bytes], Path]) -> None:
    lines = TABLE.splitlines(keepends=True)
    lines[3_000] = b"\xff" + lines[3_000]
    with pytest.raises(SourceError, match="line 3001: this is not UTF-8"):
        list(read_taobao(put(b"".join(lines))))


def test_bundled_files_are_unchanged_beside_their_attribution() -> None:
    for name in ("rees46", "clothing"):
        path = bundled(name)
        assert path.name in path.with_name("ATTRIBUTION.md").read_text()
