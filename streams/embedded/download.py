"""Fetch artifacts over HTTPS, several at a time, each either whole and right or not at all.

Plain urllib, so the usual variables count: HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE.
"""

import http.client
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from streams.embedded.artifacts import Artifact

PARALLEL = 8
ATTEMPTS = 3
TIMEOUT_S = 15
PAUSE_S = 0.5
CHUNK_BYTES = 64 * 1024


class DownloadError(Exception):
    """An artifact could not be fetched, or what came is not the artifact."""


def download(artifacts: Sequence[Artifact], folder: Path, repository: str) -> None:
    """Fetch the artifacts from a Maven repository into `folder`, with a progress bar on standard error.

    Raises DownloadError at the first one that cannot be had after `ATTEMPTS` attempts.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("Fetching Apache Kafka", total=sum(one.size for one in artifacts))
        source = _Source(repository, folder, threading.Event(), lambda size: progress.advance(task, size))
        with ThreadPoolExecutor(PARALLEL) as pool:
            jobs = [pool.submit(source.fetch, artifact) for artifact in artifacts]
            try:
                for job in as_completed(jobs):
                    job.result()
            except BaseException:
                source.cancelled.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise


@dataclass(frozen=True)
class _Source:
    repository: str
    folder: Path
    cancelled: threading.Event
    advance: Callable[[int], None]

    def fetch(self, artifact: Artifact) -> None:
        url = f"{self.repository}/{artifact.path}"
        part = self.folder / f".{artifact.file_name}.{os.getpid()}.part"
        try:
            self._save_patiently(url, part, artifact.size)
            if not artifact.is_intact(part):
                raise DownloadError(f"{url} has another checksum than upwell expects")
            part.replace(self.folder / artifact.file_name)
        finally:
            part.unlink(missing_ok=True)

    def _save_patiently(self, url: str, part: Path, size: int) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._save(url, part, size)
            except (OSError, http.client.HTTPException) as error:
                refused = isinstance(error, urllib.error.HTTPError) and error.code < 500
                if refused or attempt == ATTEMPTS or self.cancelled.is_set():
                    raise DownloadError(f"{url}: {error}") from error
                time.sleep(PAUSE_S * attempt)
            else:
                return

    def _save(self, url: str, part: Path, size: int) -> None:
        request = urllib.request.Request(url, headers={"User-Agent": "upwell"})  # noqa: S310
        seen = 0
        try:
            # Whatever the URL leads to, only the pinned bytes are accepted.
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer, part.open("wb") as out:  # noqa: S310
                while chunk := answer.read(CHUNK_BYTES):
                    if self.cancelled.is_set():
                        raise DownloadError("cancelled")
                    out.write(chunk)
                    seen += len(chunk)
                    self.advance(len(chunk))
            if seen < size:
                raise OSError(f"only {seen} of {size} bytes came")
        except OSError:
            self.advance(-seen)
            raise
