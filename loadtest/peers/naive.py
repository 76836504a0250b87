"""The pipeline a user would write first: a Faust agent, an event at a time, River, `redis.set`.

`python -m loadtest.peers.naive KAFKA REDIS GROUP`
"""

from __future__ import annotations

import json
import sys
import tempfile
from typing import Any

import faust
from redis.asyncio import Redis

from loadtest.peers.job import Job, Session, parsed
from streams.topics import CLICKSTREAM, PURCHASES


def create_app(kafka: str, redis_url: str, group: str) -> Any:
    """The application, as Faust's tutorial builds one."""
    app: Any = faust.App(
        group,
        broker=f"kafka://{kafka}",
        value_serializer="raw",
        store="memory://",
        datadir=tempfile.mkdtemp(prefix="upwell-naive-"),
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
        topic_disable_leader=True,
    )
    redis: Any = Redis.from_url(redis_url)
    job, sessions = Job(), dict[str, Session]()

    @app.agent(app.topic(CLICKSTREAM, PURCHASES, value_type=bytes))  # type: ignore[untyped-decorator, unused-ignore]
    async def recommend(values: Any) -> None:
        async for value in values:
            event = parsed(value)
            if event is None:
                continue
            user = event["user_id"]
            sessions[user], outputs = job.act(sessions.get(user), event)
            await redis.set(f"rec:{user}", json.dumps(outputs))

    return app


if __name__ == "__main__":
    app = create_app(*sys.argv[1:])
    sys.argv[1:] = ["worker", "--loglevel", "warn"]
    app.main()
