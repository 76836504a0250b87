"""Fetch artifacts with the user's own Maven: behind a company's mirror it is what works."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from streams.embedded.artifacts import Artifact

TIMEOUT_S = 600

POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>upwell</groupId><artifactId>embedded-kafka</artifactId><version>1</version>
  <dependencies>
{dependencies}
  </dependencies>
</project>
"""
DEPENDENCY = (
    "    <dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
    "<version>{version}</version></dependency>"
)


class MavenError(Exception):
    """Maven is not installed, or did not deliver."""


def fetch_with_maven(artifacts: Sequence[Artifact], folder: Path) -> None:
    """Have `mvn` put the artifacts into `folder`, from its own repository, mirrors and proxies.

    Raises MavenError; artifacts that were delivered before stay.
    """
    maven = shutil.which("mvn")
    if maven is None:
        raise MavenError("mvn is not installed")
    with tempfile.TemporaryDirectory(prefix=".maven-", dir=folder) as workplace:
        _run(maven, Path(workplace), pom_of(artifacts))
        for artifact in artifacts:
            delivered = Path(workplace) / "jars" / artifact.file_name
            if not artifact.is_intact(delivered):
                raise MavenError(f"mvn delivered another {artifact.file_name} than upwell expects")
            delivered.replace(folder / artifact.file_name)


def pom_of(artifacts: Sequence[Artifact]) -> str:
    """Return a Maven project that depends on exactly these artifacts."""
    lines = [DEPENDENCY.format(group=one.group, artifact=one.artifact, version=one.version) for one in artifacts]
    return POM.format(dependencies="\n".join(lines))


def _run(maven: str, workplace: Path, pom: str) -> None:
    (workplace / "pom.xml").write_text(pom)
    goal = ["dependency:copy-dependencies", "-DexcludeTransitive=true", "-DoutputDirectory=jars"]
    try:
        answer = subprocess.run(
            [maven, "--batch-mode", "--quiet", *goal],
            cwd=workplace,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MavenError(f"mvn could not be run: {error}") from error
    if answer.returncode != 0:
        errors = [line for line in answer.stdout.splitlines() if line.startswith("[ERROR]")]
        raise MavenError((errors or ["mvn failed"])[0].removeprefix("[ERROR] "))
