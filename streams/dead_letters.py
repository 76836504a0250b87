"""What becomes of a record that is no event: it goes to topic `rejected`, as it came, with where from and why."""

from __future__ import annotations

from streams.decoding import Rejection
from streams.outputs import Message
from streams.topics import REJECTED


def dead_letter(rejection: Rejection) -> Message:
    """The record with its own key and value; headers `reason`, `detail`, `topic`, `partition`, `offset`."""
    record = rejection.record
    return Message(
        REJECTED,
        record.value,
        key=record.key,
        partition=0,
        headers=(
            ("reason", rejection.reason.encode()),
            ("detail", rejection.detail.encode(errors="backslashreplace")),
            ("topic", record.topic.encode()),
            ("partition", b"%d" % record.partition),
            ("offset", b"%d" % record.offset),
        ),
    )
