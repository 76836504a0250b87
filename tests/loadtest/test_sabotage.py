"""A sabotage that would change nothing is an error: a mutant that nobody can notice tests nothing."""

from __future__ import annotations

import pytest

from loadtest.chaos import sabotage
from streams import redis_writer


@pytest.mark.parametrize("mutant", ["no-fence", "no-repair"])
def test_scripts_still_say_what_a_sabotage_changes(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script = redis_writer._script
    monkeypatch.setattr(redis_writer, "_script", script)  # put back afterwards
    sabotage.apply(f"break:{mutant}")
    for name in ("claim", "fence"):
        assert redis_writer._script(name) != script(name)
    monkeypatch.setattr(redis_writer, "_script", lambda name: "return 1")
    sabotage.apply(f"break:{mutant}")
    with pytest.raises(ValueError, match=r"fence\.lua does not say .* any more"):
        redis_writer._script("fence")
