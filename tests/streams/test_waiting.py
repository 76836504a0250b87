"""Who waits for a better list is found again whatever codes shoppers have."""

from __future__ import annotations

import numpy as np

from online_models.vocabulary import Vocabulary
from streams.waiting import Waiting


def test_who_has_got_a_list_waits_no_more() -> None:
    users = Vocabulary()
    codes = users.codes(["ada", "bob", "eve"])
    waiting = Waiting(users)
    waiting.note(codes, np.array([0, 20, 20]), np.array([False, False, True]))
    waiting.note(codes[:2], np.array([20, 20]), np.array([True, True]))
    assert not waiting


def test_who_is_looked_at_again_waits_on_only_if_there_was_nothing() -> None:
    users = Vocabulary()
    codes = users.codes(["ada", "bob"])
    waiting = Waiting(users)
    waiting.note(codes, np.array([0, 20]), np.array([False, False]), again=codes)
    assert waiting.names()() == (["ada"], [])


def test_a_shopper_is_known_under_another_code_and_after_a_restart() -> None:
    users = Vocabulary()
    waiting = Waiting(users)
    waiting.note(users.codes(["ada", "bob"]), np.array([20, 20]), np.array([True, False]))
    others = Vocabulary()
    others.codes(["eve", "ida", "bob"])
    restored = Waiting(others, *waiting.names()())
    waiting.renumber(others)
    for known in (waiting, restored):
        known.note(others.codes(["bob"]), np.array([20]), np.array([True]))
        assert not known


def test_all_who_have_no_list_are_looked_at_in_turn() -> None:
    users = Vocabulary()
    codes = users.codes([f"user {n}" for n in range(1200)])
    waiting, seen = Waiting(users), set[int]()
    waiting.note(codes, np.zeros(1200, np.int64), np.zeros(1200, np.bool_))
    for _ in range(3):
        taken = waiting.take(is_idle=False)
        seen |= set(taken.tolist())
        waiting.note(taken, np.zeros(len(taken), np.int64), np.zeros(len(taken), np.bool_), again=taken)
    assert seen == set(codes.tolist())
