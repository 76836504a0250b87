"""Every setting of upwell: one frozen object, from environment variables and an optional TOML file."""

from __future__ import annotations

import logging
import math
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from streams.errors import SettingsError
from streams.setting_limits import complaint, is_redis_url

log = logging.getLogger("upwell")

_PREFIX: Final = "UPWELL_"


@dataclass(frozen=True)
class Settings:
    """How upwell runs. The variable of a setting is `UPWELL_` and its name in capitals; a TOML file named by
    `UPWELL_CONFIG` holds the same names in small letters; the environment wins.

    Attributes
    ----------
    kafka
        Kafka servers, `host:port` separated by commas.
    redis
        Redis server, as `redis://` or `rediss://` URL.
    application
        Name of the consumer group; workers with the same name share the partitions.
    prefix
        Put before every Redis key.
    partitions
        Partitions of `clickstream` and `purchases`, where upwell has to create them.
    item_partitions
        Partitions of `covisits`, likewise.
    keep_days
        Redis keys expire this long after they were last written; a profile, after it was last written whole (see
        `streams.unwritten`).
    list_length
        Items in a recommendation list.
    skip_owned
        Leave out of recommendations what the shopper bought or has in the cart.
    session_gap_minutes
        A session is over after this much event time without an event.
    half_life_days
        After this much event time a co-visit counts half; see `online_models.similarity`.
    damping
        How much demand is held against a similar item: little for the chance that it comes next, 0.5 as in a cosine.
    recent_items
        How many of a shopper's newest items are asked what goes with them.
    step_weight
        How much the one before the newest counts; see `online_models.recommendation.RecommendationSettings`.
    view_seconds
        How old a neighbour list or a model read from Redis may be before it is read again.
    max_event_bytes
        Larger records are rejected.
    max_future_seconds
        An event whose time is this far after its Kafka timestamp is rejected.
    rejection_window_events, max_rejected_share
        A partition stops when more than this share of its last so many records was rejected.
    checkpoints
        Where checkpoints are kept: a directory, or any URL that fsspec knows; all workers have to reach it. By default
        a directory of this user, `checkpoints_url`.
    checkpoint_seconds
        How often the state of a partition is written there, and so how much has to be replayed after a crash.
    session_seconds
        After how long without a sign of life Kafka gives a worker's partitions to others.
    redis_patience_seconds
        How long a worker puts up with a Redis that fails before it stops.
    stall_seconds
        A worker that has made no progress for so long, though there is something to do, stops; likewise one that
        has not heard of Kafka.
    """

    kafka: str = "127.0.0.1:9092"
    redis: str = "redis://127.0.0.1:6379/0"
    application: str = "upwell"
    prefix: str = ""
    partitions: int = 2
    item_partitions: int = 4
    keep_days: float = 30.0
    list_length: int = 20
    skip_owned: bool = True
    session_gap_minutes: float = 30.0
    half_life_days: float = 90.0
    damping: float = 0.2
    recent_items: int = 20
    step_weight: float = 0.42
    view_seconds: float = 1.0
    max_event_bytes: int = 65_536
    max_future_seconds: float = 3600.0
    rejection_window_events: int = 10_000
    max_rejected_share: float = 0.5
    checkpoints: str = ""
    checkpoint_seconds: float = 10.0
    session_seconds: float = 12.0
    redis_patience_seconds: float = 30.0
    stall_seconds: float = 90.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and not 0 < value < math.inf:
                raise SettingsError(
                    f"{field.name} is {value!r} and has to be more than 0, and finite: change {_variable(field.name)}."
                )
            if field.name != "redis" and (wrong := complaint(field.name, value)):
                raise SettingsError(f"{field.name} is {value!r:.200} and {wrong}: change {_variable(field.name)}.")
        if not is_redis_url(self.redis):  # what is wrong with it might tell a part of the password
            raise SettingsError(
                "redis has to be a URL such as redis://localhost:6379/0, with any special characters of a password as "
                "%2F and the like: change UPWELL_REDIS."
            )

    @property
    def redis_place(self) -> str:
        """Where Redis is, for people: the URL without user, password and options.

        >>> Settings(redis="redis://shop:secret@redis:6379/0?password=secret").redis_place
        'redis://redis:6379/0'
        """
        parts = urlsplit(self.redis)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))

    @property
    def checkpoints_url(self) -> str:
        """Where checkpoints are kept."""
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        return self.checkpoints or str(Path(state, "upwell", "checkpoints"))

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings of this process.

        Raises
        ------
        SettingsError
            A variable or an entry of the file has a value that cannot work, or a name nothing is called.

        >>> Settings.load({"UPWELL_KAFKA": "kafka:9092", "UPWELL_SKIP_OWNED": "no"}).skip_owned
        False
        >>> Settings.load({"UPWELL_PARTITIONS": "many"})
        Traceback (most recent call last):
            ...
        streams.errors.SettingsError: UPWELL_PARTITIONS is 'many' and has to be a whole number.
        """
        environment = os.environ if environment is None else environment
        types = {field.name: type(field.default) for field in fields(cls)}
        values = _from_file(environment.get(_PREFIX + "CONFIG"), types)
        for name, kind in types.items():
            text = environment.get(_variable(name))
            if text is not None:
                values[name] = _parsed(text, kind, _variable(name))
        _warn_of_typos(environment.keys(), types)
        return cls(**values)


def _warn_of_typos(variables: Iterable[str], names: Iterable[str]) -> None:
    """Others may have variables that begin like ours (Kubernetes does, for a service that is called upwell)."""
    known = [_variable(name) for name in names]
    for variable in variables:
        is_ours = variable.startswith(_PREFIX) and variable not in known
        if is_ours and (meant := get_close_matches(variable, known, n=1, cutoff=0.9)):
            log.warning("%s is no setting of upwell and is passed over; did you mean %s?", variable, meant[0])


def _variable(name: str) -> str:
    return _PREFIX + name.upper()


def _from_file(path: str | None, types: Mapping[str, type]) -> dict[str, Any]:
    if not path:
        return {}
    try:
        values = tomllib.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise SettingsError(f"UPWELL_CONFIG names {path}, which cannot be read: {error}.") from None
    for name, value in values.items():
        if name not in types:
            raise SettingsError(f"{path} sets {name}, and there is no such setting: known are {', '.join(types)}.")
        values[name] = _parsed(value, types[name], f"{name} in {path}") if isinstance(value, str) else value
        if types[name] is float and type(value) is int and abs(value) < 1e300:
            values[name] = float(value)
        if type(values[name]) is not types[name]:
            raise SettingsError(f"{name} in {path} is {value!r} and has to be {_NAMES[types[name]]}.")
    return values


_NAMES: Final[Mapping[type, str]] = {
    int: "a whole number",
    float: "a number",
    bool: "yes or no",
    str: "text",
}
_YES, _NO = ("1", "yes", "true", "on"), ("0", "no", "false", "off")


def _parsed(text: str, kind: type, name: str) -> object:
    try:
        if kind is bool:
            return {**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False)}[text.lower()]
        return kind(text)
    except (ValueError, KeyError):
        raise SettingsError(f"{name} is {text!r} and has to be {_NAMES[kind]}.") from None
