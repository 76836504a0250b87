"""Checkpoints: what was written is read back, and nothing that was damaged is ever used."""

from __future__ import annotations

import errno
import logging
import struct
from pathlib import Path
from typing import Any

import fsspec
import msgspec
import numpy as np
import pytest
import xxhash
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.checkpoints import store as store_module
from streams.checkpoints.format import VERSION, Checkpoint, CheckpointError, decode, encode
from streams.checkpoints.store import KEPT, CheckpointStore
from streams.errors import ServerError


def checkpoint(position: int, generation: int = 1, **state: Any) -> Checkpoint:
    offsets, lost = {"clickstream": position, "purchases": 0}, {"clickstream": {7: 9, 20: 23}}
    return Checkpoint("shoppers", 3, offsets, {"clickstream": 8}, 5, generation, state, lost)


STATE: dict[str, Any] = {
    "arrays": [np.arange(5, dtype=np.int32), np.zeros((0, 3), np.float32), np.ones((2, 2)), np.array([True])],
    "plain": {"number": 1.5, "none": None, "names": ["a", "b"]},
}
DATA = encode(checkpoint(100, **STATE))


def test_what_was_written_is_read_back() -> None:
    found = decode(DATA)
    assert (found.agent, found.partition, found.position, found.writes, found.generation) == ("shoppers", 3, 100, 5, 1)
    for mine, theirs in zip(found.state["arrays"], STATE["arrays"], strict=True):
        assert mine.dtype == theirs.dtype
        assert mine.shape == theirs.shape
        assert mine.tobytes() == theirs.tobytes()
        assert mine.flags.writeable
    assert found.state["plain"] == STATE["plain"]
    assert found.lost == {"clickstream": {7: 9, 20: 23}}


def test_one_that_knows_nothing_of_losses_can_be_read() -> None:
    """Those of upwell before losses were kept."""
    header = struct.Struct("<6sHQ")
    fields = msgspec.msgpack.decode(DATA[header.size :], strict=False)
    del fields["lost"]
    payload = msgspec.msgpack.encode(fields)
    found = decode(header.pack(b"UPWELL", VERSION, xxhash.xxh3_64_intdigest(payload)) + payload)
    assert (found.position, found.lost) == (100, {})


@given(st.integers(0, 8 * len(DATA) - 1))
@settings(max_examples=300, deadline=None)
def test_no_bit_can_flip_unnoticed(bit: int) -> None:
    damaged = bytearray(DATA)
    damaged[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(CheckpointError):
        decode(bytes(damaged))


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, len(DATA) // 2, len(DATA) - 1])
def test_a_part_is_not_enough(length: int) -> None:
    with pytest.raises(CheckpointError):
        decode(DATA[:length])


def test_a_future_version_says_so() -> None:
    data = bytearray(DATA)
    data[6] += 1
    with pytest.raises(CheckpointError, match=f"version {VERSION + 1}"):
        decode(bytes(data))


def test_objects_are_not_for_checkpoints() -> None:
    with pytest.raises((TypeError, NotImplementedError)):
        encode(checkpoint(1, thing=object()))
    with pytest.raises(TypeError):
        encode(checkpoint(1, array=np.array([object()])))


@pytest.fixture(params=["directory", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path) if request.param == "directory" else f"memory://{tmp_path.name}"


def newest(store: CheckpointStore) -> Checkpoint | None:
    return store.newest("shoppers", 3, lambda _: None)


def test_the_furthest_one_is_found_and_few_are_kept(url: str) -> None:
    store = CheckpointStore(url, "cluster/upwell")
    assert newest(store) is None
    for position in (10, 200, 3000, 40_000, 500_000):
        store.save(checkpoint(position))
    found = newest(CheckpointStore(url, "cluster/upwell"))
    assert found is not None
    assert found.position == 500_000
    assert len(store._names(store._folder("shoppers", 3))) == KEPT
    assert CheckpointStore(url, "another/upwell").newest("shoppers", 3, lambda _: None) is None


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "delete", "version", "another's"])
def test_a_damaged_one_is_passed_over(tmp_path: Path, harm: str, caplog: pytest.LogCaptureFixture) -> None:
    store = CheckpointStore(str(tmp_path), "cluster/upwell")
    store.save(checkpoint(10))
    store.save(checkpoint(20))
    path = max(tmp_path.rglob("*.checkpoint"))
    data = bytearray(path.read_bytes())
    if harm == "flip":
        data[-1] ^= 1
    elif harm == "version":
        data[6] += 1
    elif harm == "another's":
        data = bytearray(encode(Checkpoint("affinity", 3, {"covisits": 20}, {}, 0, 1, {})))
    path.write_bytes({"cut": bytes(data[: len(data) // 2]), "empty": b""}.get(harm, bytes(data)))
    if harm == "delete":
        path.unlink()
    with caplog.at_level(logging.WARNING):
        found = newest(store)
    assert found is not None
    assert found.position == 10
    assert harm == "delete" or "passed over" in caplog.text


def test_after_a_damaged_one_new_ones_are_kept_all_the_same(tmp_path: Path) -> None:
    store = CheckpointStore(str(tmp_path), "cluster/upwell")
    store.save(checkpoint(1000))
    max(tmp_path.rglob("*.checkpoint")).write_bytes(b"rubbish")
    for position in (10, 20, 30, 40):
        store.save(checkpoint(position))
    found = newest(store)
    assert found is not None
    assert found.position == 40


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CheckpointStore(str(tmp_path), "cluster/upwell")
    store.save(checkpoint(10))

    def full(path: Path, data: bytes) -> None:
        path.write_bytes(data[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store_module, "write_through", full)
    with pytest.raises(OSError, match="No space"):
        store.save(checkpoint(20))
    found = newest(store)
    assert found is not None
    assert found.position == 10
    assert not list(tmp_path.rglob("*.part"))


def test_a_place_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="UPWELL_CHECKPOINTS"):
        CheckpointStore("nonsense://bucket", "cluster/upwell")


def test_what_was_left_half_written_by_who_was_killed_is_cleared_away(tmp_path: Path) -> None:
    store = CheckpointStore(str(tmp_path), "cluster/upwell")
    store.save(checkpoint(10))
    folder = next(tmp_path.rglob("*.checkpoint")).parent
    left, being_written = folder / f"{20:020d}-{1:010d}.77.part", folder / f"{90:020d}-{1:010d}.78.part"
    left.touch()
    being_written.touch()
    store.save(checkpoint(30))
    assert list(tmp_path.rglob("*.part")) == [being_written]


def test_where_none_can_be_read_nobody_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One bad place on a disk is passed over; a disk that is all bad, or a mount that is stale, is not an empty one."""
    store = CheckpointStore(str(tmp_path), "cluster/upwell")
    store.save(checkpoint(10))
    store.save(checkpoint(20))
    whole = store._read
    monkeypatch.setattr(store, "_read", lambda path: whole(path) if "0010-" in path else _stale(path))
    found = newest(store)
    assert found is not None
    assert found.position == 10
    monkeypatch.setattr(store, "_read", _stale)
    with pytest.raises(ServerError, match="Stale file handle"):
        newest(store)


def _stale(path: str) -> bytes:
    raise OSError(errno.ESTALE, "Stale file handle", path)


def test_a_checkpoint_counts_though_older_ones_cannot_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = CheckpointStore(str(tmp_path), "cluster/upwell")
    monkeypatch.setattr(store._filesystem, "rm_file", _stale)
    for position in (10, 20, 30, 40):
        assert store.save(checkpoint(position)) > 0
    assert "could not be removed" in caplog.text


class _Far(MemoryFileSystem):  # type: ignore[misc]
    """An object store whose library says in its own words that the network is gone."""

    protocol = "far"
    is_gone = False

    def ls(self, path: str, **named: Any) -> Any:
        if self.is_gone:
            raise RuntimeError("Could not connect to the endpoint")
        return super().ls(path, **named)

    def cat_file(self, path: str, **named: Any) -> Any:
        if self.is_gone:
            raise RuntimeError("Could not connect to the endpoint")
        return super().cat_file(path, **named)

    def pipe_file(self, path: str, value: Any, **named: Any) -> Any:
        if self.is_gone:
            raise RuntimeError("Could not connect to the endpoint")
        return super().pipe_file(path, value, **named)


def test_an_object_store_that_is_away_is_no_reason_to_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec.register_implementation("far", _Far, clobber=True)
    store = CheckpointStore("far://bucket", "cluster/upwell")
    store.save(checkpoint(10))
    monkeypatch.setattr(_Far, "is_gone", True)
    with pytest.raises(OSError, match="Could not connect"):
        store.save(checkpoint(20))
    with pytest.raises(OSError, match="Could not connect"):
        store.try_out()
    with pytest.raises(ServerError, match="cannot be read"):
        newest(store)
    monkeypatch.setattr(_Far, "is_gone", False)
    with monkeypatch.context() as patch:
        patch.setattr(_Far, "cat_file", _timed_out)
        with pytest.raises(ServerError, match="timed out"):
            newest(store)
    found = newest(store)
    assert found is not None
    assert found.position == 10


def _timed_out(*_: Any, **__: Any) -> bytes:
    raise TimeoutError("timed out")


def test_what_cannot_be_removed_does_not_keep_the_rest(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = CheckpointStore(str(tmp_path), "cluster/upwell")
    folder = Path(store._folder("shoppers", 3))
    (folder / f"{0:020d}-{0:010d}.checkpoint").mkdir(parents=True)
    for position in range(1, 11):
        store.save(checkpoint(position))
    assert len(list(folder.iterdir())) == KEPT + 1
    assert "could not be removed" in caplog.text


def test_a_file_in_the_place_of_a_folder_is_not_taken_for_no_checkpoint(tmp_path: Path) -> None:
    store = CheckpointStore(str(tmp_path), "cluster/upwell")
    folder = Path(store._folder("shoppers", 3))
    folder.parent.mkdir(parents=True)
    folder.write_bytes(b"")
    with pytest.raises(ServerError, match="no directory"):
        newest(store)


@pytest.mark.parametrize("url", ["zip:///nowhere", "ftp://127.0.0.1:1/x", "reference://"])
def test_a_place_that_cannot_be_is_told_in_a_sentence(url: str) -> None:
    with pytest.raises(ServerError, match="UPWELL_CHECKPOINTS"):
        CheckpointStore(url, "cluster/upwell")
