"""What replaying publishes: the bytes of an event, and what is needed to send them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from online_models.events import Event

_ENCODER: Final = msgspec.json.Encoder()


class Record(msgspec.Struct, frozen=True, gc=False):
    """One Kafka record to be.

    Attributes
    ----------
    key
        The user id in UTF-8; None where it could not be read.
    value
        The event as JSON, or whatever a file holds in its place.
    purchase
        Whether it belongs on the purchases topic.
    ts
        Event time in epoch milliseconds; None where it could not be read.
    """

    key: bytes | None
    value: bytes
    purchase: bool
    ts: int | None


def to_records(events: Iterable[Event]) -> Iterator[Record]:
    """Encode events as they travel: one JSON object each, keyed by the user.

    >>> record = next(to_records([Event("e1", "purchase", "ada", "lamp", ts=1_700_000_000_000)]))
    >>> record.key, record.purchase, record.value[:34]
    (b'ada', True, b'{"event_id":"e1","type":"purchase"')
    """
    encode = _ENCODER.encode
    for event in events:
        yield Record(event.user_id.encode(), encode(event), event.type == "purchase", event.ts)
