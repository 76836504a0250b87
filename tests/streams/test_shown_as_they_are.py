"""`upwell recommend` and `upwell similar` show ids as they are."""

from __future__ import annotations

import pytest
from redis import Redis

from streams.cli import main

REC = '{"items":[{"id":"shop:100:42","score":0.5,"because":"size:m:red"}],"as_of":1,"source":"personal"}'
SIM = '{"items":[{"id":"sku:key:7","score":0.5,"support":3}],"as_of":1}'


def test_nothing_in_an_id_is_taken_for_a_picture(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UPWELL_REDIS", redis_url)
    monkeypatch.setenv("UPWELL_PREFIX", "shown:")
    with Redis.from_url(redis_url) as redis:
        redis.set("shown:rec:a:100:b", REC, ex=60)
        redis.set("shown:sim:x:key:y", SIM, ex=60)
    assert main(["recommend", "a:100:b"]) == 0
    shown = capsys.readouterr().out
    assert all(one in shown for one in ("a:100:b", "shop:100:42", "size:m:red"))
    assert main(["similar", "x:key:y"]) == 0
    shown = capsys.readouterr().out
    assert all(one in shown for one in ("x:key:y", "sku:key:7"))
