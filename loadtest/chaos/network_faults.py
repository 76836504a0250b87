"""Faults between the workers and Kafka or Redis, made by proxies."""

from __future__ import annotations

from loadtest.chaos.arena import Arena
from loadtest.chaos.proxy import Proxy


def break_network(arena: Arena, amount: int) -> None:
    """Latency, reset, cut, and cut in the middle of a frame, to either server."""
    kinds = (_latency, _reset, _cut, _cut_mid_frame)
    assert arena.kafka_proxy
    assert arena.redis_proxy
    for n in range(amount):
        arena.pause(0.5, 3.0)
        proxy = arena.rng.choice((arena.kafka_proxy, arena.redis_proxy))
        kinds[n % len(kinds)](arena, proxy)
        arena.fault()
        if n % 10 == 9:
            arena.wait_until_recovered()


def _latency(arena: Arena, proxy: Proxy) -> None:
    proxy.latency(arena.rng.uniform(0.05, 1.0))
    arena.pause(1.0, 4.0)
    proxy.heal()


def _reset(_: Arena, proxy: Proxy) -> None:
    proxy.reset()


def _cut(arena: Arena, proxy: Proxy) -> None:
    proxy.cut()
    arena.pause(1.0, 8.0)
    proxy.heal()


def _cut_mid_frame(arena: Arena, proxy: Proxy) -> None:
    proxy.cut_mid_frame(arena.rng.randint(1, 20_000), arena.rng.choice(("client", "server")))
    arena.pause(0.5, 2.0)
    proxy.heal()
