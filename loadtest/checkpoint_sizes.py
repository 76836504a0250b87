"""How large the newest checkpoints are."""

from __future__ import annotations

from pathlib import Path


def newest_checkpoints(root: Path) -> dict[str, int]:
    """Bytes by agent, over its partitions, of all that is below a directory."""
    newest = {path.parent: path for path in sorted(root.rglob("*.checkpoint"))}
    sizes: dict[str, int] = {}
    for folder, path in newest.items():
        agent = folder.name.rpartition("-")[0]
        sizes[agent] = sizes.get(agent, 0) + path.stat().st_size
    return sizes
