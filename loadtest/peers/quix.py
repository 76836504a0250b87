"""The same job in Quix Streams: a StreamingDataFrame with the session of a user as state, and its sink for Redis.

`python -m loadtest.peers.quix KAFKA REDIS GROUP`
"""

from __future__ import annotations

import json
import sys
import tempfile
from typing import Any

from quixstreams import Application
from quixstreams.sinks.community.redis import RedisSink
from redis.connection import parse_url

from loadtest.peers.job import Job, parsed
from streams.topics import CLICKSTREAM, PURCHASES


def main(kafka: str, redis_url: str, group: str) -> None:
    """Run until stopped."""
    app = Application(
        broker_address=kafka,
        consumer_group=group,
        auto_offset_reset="earliest",
        state_dir=tempfile.mkdtemp(prefix="upwell-quix-"),
        loglevel="WARNING",
    )
    job = Job()

    def recommend(event: dict[str, Any], state: Any) -> dict[str, Any]:
        session, outputs = job.act(state.get("session"), event)
        state.set("session", session)
        return {"user": event["user_id"], "outputs": outputs}

    clicks, purchases = (
        app.dataframe(app.topic(name, value_deserializer="bytes")) for name in (CLICKSTREAM, PURCHASES)
    )
    events = clicks.concat(purchases).apply(parsed).filter(lambda event: event is not None)
    events.apply(recommend, stateful=True).sink(_redis(redis_url))
    app.run()


def _redis(url: str) -> Any:
    address: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
    return RedisSink(
        host=address["host"],
        port=address["port"],
        db=address["db"],
        key_serializer=lambda _, value: f"rec:{value['user']}",
        value_serializer=_json,
    )


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value["outputs"])


if __name__ == "__main__":
    main(*sys.argv[1:])
