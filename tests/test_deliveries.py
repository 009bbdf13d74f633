"""What is taken once is done once, whoever else wants it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bot.conversations import Conversations
from bot.deliveries import KEPT_SECONDS, LEASE_SECONDS, Deliveries
from bot.desk import Desk
from bot.settings import Settings


def age(store: Conversations) -> None:
    """Lets the time pass after which a taken key is free again."""
    store.database.execute("UPDATE deliveries SET taken_at = taken_at - ?", (LEASE_SECONDS + 1,))


def test_one_of_many_gets_it(store: Conversations, tmp_path: Path) -> None:
    with Conversations(tmp_path / "shopdesk.db") as other, ThreadPoolExecutor(8) as pool:
        both = [Deliveries(store), Deliveries(other)]
        for key in map(str, range(20)):
            assert sum(pool.map(lambda n, key=key: both[n % 2].take(key), range(8))) == 1


def test_what_is_done_is_never_taken_again_and_its_text_is_gone(store: Conversations) -> None:
    deliveries = Deliveries(store)
    assert deliveries.take("k", "what somebody wrote")
    assert not deliveries.is_done("k")
    deliveries.done("k")
    age(store)
    assert deliveries.is_done("k")
    assert not deliveries.take("k")
    assert deliveries.overdue() == []
    assert store.database.execute("SELECT payload FROM deliveries").fetchall() == [("",)]


def test_what_a_crash_left_undone_is_free_after_a_while_once(store: Conversations) -> None:
    deliveries = Deliveries(store)
    deliveries.take("k", "text")
    assert not deliveries.take("k")
    assert deliveries.overdue() == []
    age(store)
    assert deliveries.overdue() == [("k", "text")]
    assert deliveries.take("k")
    assert not deliveries.take("k")
    assert deliveries.overdue() == []


def test_the_last_to_write_in_a_place_is_known(store: Conversations) -> None:
    deliveries = Deliveries(store)
    assert deliveries.last_author("C1:1") == ""
    for number, author in enumerate(["mei", "tom", "mei"]):
        deliveries.take(str(number), place="C1:1", author=author)
        assert deliveries.last_author("C1:1") == author
    deliveries.take("else", place="C1:2", author="tom")
    assert deliveries.last_author("C1:1") == "mei"


def test_what_was_done_long_ago_is_forgotten_and_nothing_else(store: Conversations) -> None:
    deliveries = Deliveries(store)
    for key in ("old", "old and undone"):
        deliveries.take(key, "text")
    deliveries.done("old")
    store.database.execute("UPDATE deliveries SET taken_at = taken_at - ?", (KEPT_SECONDS + 1,))
    deliveries.take("new")
    deliveries.done("new")
    assert deliveries.prune() == 1
    assert not deliveries.is_done("old")
    assert deliveries.is_done("new")
    assert deliveries.overdue() == [("old and undone", "text")]
    assert deliveries.prune() == 0


def test_what_the_desk_told_of_a_hand_over_that_is_open_is_kept(store: Conversations) -> None:
    deliveries, desk = Deliveries(store), Desk(store, Settings())
    handover = desk.open(store.start("web"), "upset")
    for key in ("desk:open:1", "slack:C1:1"):
        deliveries.take(key)
        deliveries.done(key)
    store.database.execute("UPDATE deliveries SET taken_at = taken_at - ?", (KEPT_SECONDS + 1,))
    store.database.execute("UPDATE handovers SET opened_at = '2020-01-01T00:00:00.000+00:00'")
    assert deliveries.prune() == 1
    assert deliveries.is_done("desk:open:1")
    desk.resolve(handover.id)
    assert deliveries.prune() == 1
