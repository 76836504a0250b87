"""What a measurement was made on: without it a figure means nothing."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

from kafka.errors import KafkaError

from loadtest.cores import core_speed
from loadtest.memory_speed import memory_speed
from streams.kafka_admin import admin
from streams.reading import open_redis, read
from streams.settings import Settings

_PACKAGES: Final = ("faust-streaming", "aiokafka", "redis", "msgspec", "numpy", "numba", "river")


def machine() -> dict[str, str | int | float]:
    """Processor, cores and how fast they and memory are, operating system, and how busy the last minute was.

    >>> sorted(machine())
    ['all_cores_ms', 'cores', 'cpu', 'far_memory_ms', 'load_before', 'near_memory_ms', 'one_core_ms', 'os']
    """
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 0,
        "os": platform.platform(),
        "load_before": round(os.getloadavg()[0], 2),
        **core_speed(),
        **memory_speed(),
    }


def versions(settings: Settings) -> dict[str, str]:
    """Versions of Python, the packages that do the work, Kafka and Redis."""
    server = read(open_redis(settings).info, "server")
    return {
        **package_versions(),
        "kafka": _kafka(settings),
        "redis_server": f"valkey {valkey}" if (valkey := server.get("valkey_version")) else server["redis_version"],
    }


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that do the work."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def _cpu() -> str:
    with contextlib.suppress(OSError):
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        return found[1] if found else platform.machine()
    with contextlib.suppress(OSError):
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip() or platform.machine()
    return platform.machine()


def _kafka(settings: Settings) -> str:
    """The newest version of Kafka whose protocol the broker speaks."""
    client = admin(settings)
    try:
        node = client.describe_cluster()["brokers"][0]["broker_id"]
        return ".".join(map(str, client.get_broker_version_data(node).broker_version))
    except (KafkaError, LookupError):
        return "unknown"
    finally:
        client.close()
