"""What the numbers mean: three shoppers, and the segments in words a marketer understands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from online_models.events import Event
from streams.settings import Settings

_EVENTS_SHOWN: Final = 8
_ITEMS_SHOWN: Final = 5
_VERBS: Final = {
    "view": "looked at",
    "click": "clicked on",
    "impression": "was shown",
    "add_to_wishlist": "wished for",
    "add_to_cart": "put into the cart",
    "remove_from_cart": "took out of the cart",
    "purchase": "bought",
}
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Shopper:
    """A shopper worth telling of, and why."""

    user: str
    headline: str
    events: list[Event]


def three_shoppers(events: Iterable[Event]) -> list[Shopper]:
    """Someone who bought, someone who nearly did (or looked longest), and someone who only looked in."""
    histories: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        histories[event.user_id].append(event)
    chosen: list[Shopper] = []
    for headline, merit in _ROLES:
        candidates = [user for user in histories if user not in {shopper.user for shopper in chosen}]
        if candidates:
            best = max(candidates, key=lambda user: (merit(histories[user]), user))
            chosen.append(Shopper(best, headline, histories[best]))
    return chosen


def _types(history: list[Event]) -> set[str]:
    return {event.type for event in history}


def _interest(history: list[Event]) -> int:
    return min(len({event.item_id for event in history}), 12)


_ROLES: Final[list[tuple[str, Callable[[list[Event]], Any]]]] = [
    ("bought something", lambda history: ("purchase" in _types(history), _interest(history))),
    (
        "looked around and did not buy",
        lambda history: ("purchase" not in _types(history), "add_to_cart" in _types(history), _interest(history)),
    ),
    ("only just came in", lambda history: (len(history) == 2, _interest(history))),
]


def told(shopper: Shopper, redis: Any, settings: Settings, names: list[str], labels: Labels) -> RenderableType:
    """One shopper: what they did, what they would be shown and why, segment and propensity."""
    profile: dict[str, str] = redis.hgetall(f"{settings.prefix}user:{shopper.user}")
    value = redis.get(f"{settings.prefix}rec:{shopper.user}")
    items = msgspec.json.decode(value)["items"] if value else []
    did = Table.grid(padding=(0, 1))
    for event in shopper.events[-_EVENTS_SHOWN:]:
        moment = datetime.fromtimestamp(event.ts / 1000, UTC).strftime("%H:%M:%S")
        did.add_row(f"[dim]{moment}", _VERBS[event.type], _label(event.item_id, labels))
    shown = Table.grid(padding=(0, 1))
    for entry in items[:_ITEMS_SHOWN]:
        because = f"because of {_label(entry['because'], labels)}" if entry["because"] else "trending"
        shown.add_row(_label(entry["id"], labels), f"[dim]{because}")
    segment = profile.get("segment")
    who = f"segment {segment}: {names[int(segment)]}" if segment and int(segment) < len(names) else "in no segment yet"
    likely = f"{float(profile['propensity']):.1%}" if "propensity" in profile else "not known yet"
    body = Group(
        "[bold]did", did, "", "[bold]would be shown next", shown, "",
        f"[bold]is[/] {who}    [bold]likely to buy in this session[/] {likely}",
    )  # fmt: skip
    return Panel(body, title=f"Shopper {shopper.user} {shopper.headline}", title_align="left")


def segments(parameters: Any) -> list[dict[str, Any]]:
    """The segments as the learner published them: number, name, sentence, share; empty before the first ones."""
    found = parameters["segments"] if parameters else None
    if not found:
        return []
    columns = zip(found["names"], found["sentences"], found["sizes"], strict=True)
    return [
        {"segment": number, "name": name, "sentence": sentence, "share": round(share, 4)}
        for number, (name, sentence, share) in enumerate(columns)
    ]


def print_segments(console: Console, found: list[dict[str, Any]]) -> None:
    """The segments for a person."""
    table = Table(title="Who the customers are", title_justify="left")
    table.add_column("")
    table.add_column("share", justify="right")
    table.add_column("segment")
    table.add_column("what sets them apart")
    for segment in found:
        table.add_row(str(segment["segment"]), f"{segment['share']:.0%}", segment["name"], segment["sentence"])
    console.print(table)


def _label(item: str, labels: Labels) -> str:
    return f"{labels[item]} [dim]{item}[/]" if item in labels else item
