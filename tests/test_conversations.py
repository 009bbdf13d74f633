"""The store on real files: nothing acknowledged is lost, nothing erased is left."""

import json
import os
import random
import sqlite3
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversations import Conversations
from bot.errors import InvalidMessage, StoreError, UnknownTurn
from bot.messages import Label, Message, Rating, Reply, Source
from bot.migrations import MIGRATIONS, migrate, schema_version, transaction

EXPLANATION = {
    "prompt": "v1",
    "chunks": [["returns.md@3", "9f"]],
    "snapshot": "s1",
    "model": "extractive",
    "lora": None,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "shopdesk.db"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversations]:
    """One store for all examples of a property."""
    with Conversations(tmp_path_factory.mktemp("shared") / "shopdesk.db") as opened:
        opened.database.execute("PRAGMA synchronous = OFF")
        yield opened


@pytest.fixture
def store(path: Path) -> Iterator[Conversations]:
    with Conversations(path) as opened:
        yield opened


def reply(turn: str, text: str = "Within 30 days.") -> Reply:
    source = Source(
        "returns.md", "Returns", "returns.md@3", 0.5, "30 days", "You have 30 days.", ("Boots", "Worn"), "9f", ((0, 7),)
    )
    return Reply(turn, text, "answer", 0.75, (source,), {"search": 0.002}, stopped=True)


def converse(store: Conversations, conversation: str, turns: int, text: str = "Within 30 days.") -> None:
    for number in range(turns):
        turn = store.open_turn(conversation, f"{conversation}-{number}", f"{text} {number}?")
        store.finish_turn(turn.id, reply(turn.id, f"{text} {number}."), {"prompt": text})


def files(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


@contextmanager
def bare(path: Path) -> Iterator[sqlite3.Connection]:
    """The file without the store, in autocommit mode."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


# Turns


def test_a_turn_comes_back_whole_after_a_restart(path: Path) -> None:
    with Conversations(path) as store:
        conversation = store.start("web")
        opened = store.open_turn(conversation, "m1", "Can I send back boots I wore once?")
        assert opened.reply is None
        assert store.turn(opened.id) == opened
        store.finish_turn(opened.id, reply(opened.id), EXPLANATION)
    with Conversations(path) as store:
        turn = store.turn(opened.id)
    assert turn.reply == reply(opened.id)
    assert turn.explanation == EXPLANATION
    assert (turn.conversation, turn.question) == (conversation, "Can I send back boots I wore once?")
    assert turn.created_at.endswith("+00:00")


def test_a_source_that_was_stored_without_spans_still_loads(store: Conversations) -> None:
    store.start("web", conversation="a")
    converse(store, "a", 1)
    (before,) = store.turns("a")
    with store.writing() as database:
        (details,) = database.execute("SELECT details FROM turns").fetchone()
        kept = json.loads(zlib.decompress(details))
        del kept["sources"][0]["spans"]
        database.execute("UPDATE turns SET details = ?", (zlib.compress(json.dumps(kept).encode()),))
    (after,) = store.turns("a")
    assert before.reply
    assert after.reply
    assert after.reply.sources == (replace(before.reply.sources[0], spans=()),)


def test_a_message_sent_again_gets_its_turn_and_its_reply(store: Conversations) -> None:
    conversation, other = store.start("web"), store.start("web")
    opened = store.open_turn(conversation, "m1", "Hello?")
    assert store.open_turn(conversation, "m1", "Hello?") == opened
    store.finish_turn(opened.id, reply(opened.id), EXPLANATION)
    assert store.open_turn(conversation, "m1", "Hello?").reply == reply(opened.id)
    assert len(store.turns(conversation)) == 1
    assert store.open_turn(other, "m1", "Something else").id != opened.id


def test_a_message_sent_again_with_another_text_is_refused(store: Conversations) -> None:
    conversation = store.start("web")
    store.open_turn(conversation, "m1", "Hello?")
    with pytest.raises(InvalidMessage, match="'m1'"):
        store.open_turn(conversation, "m1", "Good bye?")
    assert [turn.question for turn in store.turns(conversation)] == ["Hello?"]


def test_the_first_reply_of_a_turn_stays(store: Conversations) -> None:
    turn = store.open_turn(store.start("web"), "m1", "Hello?").id
    store.finish_turn(turn, reply(turn, "shown"), EXPLANATION)
    store.finish_turn(turn, reply(turn, "late"), {})
    kept = store.turn(turn)
    assert kept.reply == reply(turn, "shown")
    assert kept.explanation == EXPLANATION


def test_turns_and_history_are_in_order_and_end_with_the_last(store: Conversations) -> None:
    conversation, other = store.start("web"), store.start("web")
    converse(store, conversation, 4, "a")
    converse(store, other, 1, "b")
    store.open_turn(conversation, "open", "still being answered?")
    asked = [turn.question for turn in store.turns(conversation)]
    assert asked == ["a 0?", "a 1?", "a 2?", "a 3?", "still being answered?"]
    assert [turn.question for turn in store.turns(conversation, last=2)] == asked[-2:]
    assert store.turns(conversation, last=0) == []
    assert store.history(conversation, last=2) == [
        Message("user", "a 2?"),
        Message("assistant", "a 2."),
        Message("user", "a 3?"),
        Message("assistant", "a 3."),
    ]
    assert store.history(conversation, last=0) == []


def test_starting_a_known_conversation_again_changes_nothing(store: Conversations) -> None:
    assert store.start("slack", "staff", "C1:17.5", knowledge="desk") == "C1:17.5"
    converse(store, "C1:17.5", 1)
    first = store.conversation("C1:17.5")
    assert store.start("terminal", "staff", "C1:17.5") == "C1:17.5"
    assert store.conversation("C1:17.5") == first
    assert (first.channel, first.audience, first.knowledge) == ("slack", "staff", "desk")
    assert len(store.turns("C1:17.5")) == 1


def test_a_shopper_who_knows_the_id_does_not_get_into_a_staff_conversation(store: Conversations) -> None:
    store.start("slack", "staff", "C1:17.5")
    with pytest.raises(InvalidMessage, match="audience staff"):
        store.start("web", "public", "C1:17.5")


def test_recent_conversations_come_latest_first(store: Conversations) -> None:
    ids = [store.start("web") for _ in range(5)]
    assert [conversation.id for conversation in store.recent(3)] == ids[:1:-1]


def test_what_is_unknown_is_said_by_its_id(store: Conversations) -> None:
    assert not store.exists("nobody")
    for call in (
        lambda: store.conversation("nobody"),
        lambda: store.open_turn("nobody", "m1", "Hello?"),
        lambda: store.turns("nobody"),
        lambda: store.history("nobody", 6),
        lambda: store.turn("nobody"),
        lambda: store.finish_turn("nobody", reply("nobody"), {}),
        lambda: store.rate(Rating("nobody", "me", "up")),
        lambda: store.ratings("nobody"),
    ):
        with pytest.raises(UnknownTurn, match="'nobody'"):
            call()


def test_text_that_is_not_unicode_is_refused_and_leaves_nothing(store: Conversations) -> None:
    conversation = store.start("web")
    with pytest.raises(InvalidMessage, match="surrogate"):
        store.open_turn(conversation, "m1", "boots \ud83d")
    assert store.turns(conversation) == []


@given(question=st.text(), text=st.text(), passage=st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_comes_back_as_it_was(shared: Conversations, question: str, text: str, passage: str) -> None:
    turn = shared.open_turn(shared.start("web"), question, question)
    written = Reply(turn.id, text, "clarify", 0.1, (Source("d", "t", "c", 1.0, passage, passage),))
    shared.finish_turn(turn.id, written, {"prompt": passage})
    kept = shared.turn(turn.id)
    assert (kept.question, kept.reply, kept.explanation) == (question, written, {"prompt": passage})


def test_turn_1000_costs_what_turn_10_costs(store: Conversations) -> None:
    """Counted in steps of SQLite's virtual machine, which a scan of the conversation would multiply."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    conversation = store.start("web")
    cost = {}
    store.database.execute("PRAGMA synchronous = OFF")
    store.database.conn.set_progress_handler(count, 1)
    for number in range(1001):
        steps = 0
        turn = store.open_turn(conversation, f"m{number}", "Hello?")
        store.history(conversation, 6)
        store.turns(conversation, 6)
        store.finish_turn(turn.id, reply(turn.id), EXPLANATION)
        store.rate(Rating(turn.id, "me", "up"))
        cost[number] = steps
    assert cost[10] > 100
    assert cost[1000] <= 1.1 * cost[10]


# Ratings


@given(
    given_ratings=st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.sampled_from(["up", "down"]), st.text(max_size=9))
    )
)
def test_the_latest_rating_of_each_rater_counts(
    shared: Conversations, given_ratings: list[tuple[str, str, Label, str]]
) -> None:
    conversation = shared.start("web")
    turns = {name: shared.open_turn(conversation, name, name).id for name in "ab"}
    expected: dict[tuple[str, str], tuple[str, str]] = {}
    for name, rater, label, reason in given_ratings:
        shared.rate(Rating(turns[name], rater, label, reason))
        expected[turns[name], rater] = (label, reason)
    kept = [rating for turn in turns.values() for rating in shared.ratings(turn)]
    assert {(rating.turn, rating.rater): (rating.label, rating.reason) for rating in kept} == expected
    assert len(kept) == len(expected)
    assert all(rating.created_at for rating in kept)


# Erasure


def test_erased_text_is_in_no_byte_of_the_files(store: Conversations, path: Path) -> None:
    """Enough rows of mixed sizes that SQLite moves some between pages, where secure_delete alone leaves copies."""
    chance = random.Random(2)
    store.database.execute("PRAGMA synchronous = OFF")
    secrets = {store.start("web"): f"<secret {number}>" for number in range(12)}
    for number in range(900):
        conversation = chance.choice(list(secrets))
        words = secrets[conversation] * chance.randint(1, 40)
        turn = store.open_turn(conversation, f"{secrets[conversation]} {number}", words)
        store.finish_turn(turn.id, reply(turn.id, secrets[conversation] * chance.choice([1, 9, 200])), {})
        store.rate(Rating(turn.id, f"{secrets[conversation]} rater", "down", words))
    erased = list(secrets)[::2]
    kept = {conversation: store.turns(conversation) for conversation in list(secrets)[1::2]}
    assert all(secrets[conversation].encode() in files(path) for conversation in secrets)
    assert store.delete(*erased, "nobody") == len(erased)
    left = files(path)
    assert [c for c in erased if c.encode() in left or secrets[c].encode() in left] == []
    assert not any(store.exists(conversation) for conversation in erased)
    assert {conversation: store.turns(conversation) for conversation in kept} == kept


def test_erasure_says_when_another_reader_keeps_the_log(store: Conversations, path: Path) -> None:
    conversation = store.start("web")
    converse(store, conversation, 1, "<secret>")
    store.database.execute("PRAGMA busy_timeout = 50")
    with bare(path) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM turns").fetchall()
        with pytest.raises(StoreError, match="another process"):
            store.delete(conversation)
    store.delete(conversation)
    assert b"<secret>" not in files(path)


# Many writers, and writers that die


WRITER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from bot.conversations import Conversations
    from bot.messages import Rating, Reply

    store = Conversations(Path(sys.argv[1]))
    conversation = store.start("web")
    for number in range(int(sys.argv[2])):
        turn = store.open_turn(conversation, f"m{number}", f"question {number} " * 20).id
        print("opened", turn, flush=True)
        store.finish_turn(turn, Reply(turn, f"reply {number} " * 50, "answer", 0.5), {"prompt": "v1"})
        print("finished", turn, flush=True)
        store.rate(Rating(turn, "me", "up"))
        print("rated", turn, flush=True)
""")


def writer(path: Path, turns: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(turns)], stdout=subprocess.PIPE, text=True)


def assert_kept(path: Path, acknowledged: list[str]) -> None:
    with Conversations(path) as store:
        assert store.database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for line in acknowledged:
            kind, turn = line.split()
            row = store.turn(turn)
            assert kind == "opened" or row.reply is not None
            assert kind != "rated" or store.ratings(turn)


def test_nothing_acknowledged_is_lost_by_kill_9(path: Path) -> None:
    chance = random.Random()
    acknowledged: list[str] = []
    for _ in range(5):
        with writer(path, 100_000) as process:
            assert process.stdout is not None
            acknowledged += [process.stdout.readline() for _ in range(chance.randint(1, 60))]
            process.kill()
            acknowledged += [line for line in process.stdout if line.endswith("\n")]
    assert len(acknowledged) >= 5
    assert_kept(path, acknowledged)


def test_processes_and_threads_that_write_at_once_lose_nothing(path: Path) -> None:
    """Both processes also find a blank home, and bring it up to date at the same time."""
    processes = [writer(path, 30) for _ in range(2)]
    with Conversations(path) as store:
        conversation = store.start("web")

        def ask(thread: int) -> list[str]:
            return [store.open_turn(conversation, f"{thread}-{n}", f"{thread} {n}").question for n in range(20)]

        with ThreadPoolExecutor(8) as pool:
            asked = {question for questions in pool.map(ask, range(8)) for question in questions}
        acknowledged = [line for process in processes for line in process.communicate()[0].splitlines()]
        assert [process.returncode for process in processes] == [0, 0]
        assert len(acknowledged) == 2 * 30 * 3
        kept = store.turns(conversation)
        numbers = store.database.execute("SELECT number FROM turns WHERE conversation = ?", (conversation,))
        assert sorted(number for (number,) in numbers) == list(range(1, 161))
    assert len(kept) == 160
    assert {turn.question for turn in kept} == asked
    assert_kept(path, acknowledged)


def test_a_transaction_that_has_read_can_still_write(store: Conversations, path: Path) -> None:
    """A deferred one could not, once another process has written in between."""
    conversation = store.start("web")
    store.database.execute("PRAGMA busy_timeout = 50")
    with bare(path) as other:
        with transaction(other):
            other.execute("SELECT * FROM turns").fetchall()
            with pytest.raises(StoreError, match="another process"):
                store.open_turn(conversation, "m1", "Hello?")
            other.execute("DELETE FROM turns")
        assert store.open_turn(conversation, "m1", "Hello?").question == "Hello?"


def test_a_new_home_found_by_another_process_at_once_is_waited_for(path: Path) -> None:
    """Turning the log on is the one step for which SQLite itself does not wait."""
    path.parent.mkdir()
    with bare(path) as other, ThreadPoolExecutor(1) as pool:
        other.execute("BEGIN IMMEDIATE")
        opening = pool.submit(Conversations, path)
        with pytest.raises(TimeoutError):
            opening.result(timeout=0.3)
        other.execute("ROLLBACK")
        opening.result(timeout=30).close()


def test_a_message_delivered_to_eight_threads_at_once_is_one_turn(store: Conversations) -> None:
    conversation = store.start("web")
    with ThreadPoolExecutor(8) as pool:
        turns = pool.map(lambda _: store.open_turn(conversation, "m1", "Hello?").id, range(40))
    assert len(set(turns)) == 1


# The schema

# What a home of each version may hold; a new migration adds an entry, with rows that only it can break.
POPULATED: dict[int, tuple[str, ...]] = {
    0: (),
    1: (
        "INSERT INTO conversations VALUES ('c1', 'web', 'public', 'default', '2026-01-01T00:00:00.000+00:00')",
        """INSERT INTO turns (id, conversation, number, message_id, question, created_at)
        VALUES ('t1', 'c1', 1, 'm1', 'Hello?', '2026-01-01T00:00:01.000+00:00')""",
    ),
    2: ("INSERT INTO ratings VALUES ('t1', 'me', 'up', 'kind', '2026-01-01T00:00:02.000+00:00')",),
    3: (),
    4: ("INSERT INTO handovers (id, conversation, reason, state, opened_at) VALUES ('h1', 'c1', 'x', 'waiting', '')",),
    5: ("INSERT INTO deliveries VALUES ('k1', '', '', '{}', 0.0, 0)",),
    6: ("INSERT INTO reviews (turn, decision, reviewer, decided_at) VALUES ('t1', 'keep', 'Mei', '')",),
}


@pytest.mark.parametrize("version", range(len(MIGRATIONS) + 1))
def test_a_home_of_every_earlier_version_opens_with_all_it_held(path: Path, version: int) -> None:
    path.parent.mkdir()
    with bare(path) as connection:
        for reached in range(version + 1):
            migrate(connection, MIGRATIONS[:reached])
            for statement in POPULATED[reached]:
                connection.execute(statement)
        assert schema_version(connection) == version
    with Conversations(path) as store:
        assert schema_version(store.database.conn) == len(MIGRATIONS)
        if version >= 1:
            assert [turn.id for turn in store.turns("c1")] == ["t1"]
            store.finish_turn("t1", reply("t1"), EXPLANATION)
            assert store.turn("t1").reply == reply("t1")
        if version >= 2:
            assert [rating.reason for rating in store.ratings("t1")] == ["kind"]
        converse(store, store.start("web"), 1)


def test_a_home_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    newer = len(MIGRATIONS) + 1
    Conversations(path).close()
    with bare(path) as connection:
        connection.execute(f"PRAGMA user_version = {newer}")
    before = files(path)
    with pytest.raises(StoreError) as error:
        Conversations(path)
    assert str(error.value) == (
        f"home {path.parent} was written by a newer Shopdesk (schema {newer}, this one knows {len(MIGRATIONS)});"
        " upgrade, or point --home elsewhere"
    )
    assert files(path) == before


def test_a_migration_that_fails_leaves_the_version_before_it(path: Path) -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (id)")
        connection.execute("INSERT INTO nowhere VALUES (1)")

    with Conversations(path) as store:
        converse(store, store.start("web"), 1)
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            migrate(store.database.conn, (*MIGRATIONS, half))
        assert schema_version(store.database.conn) == len(MIGRATIONS)
        assert "half" not in store.database.table_names()


# Files that cannot be used


def refusal(path: Path) -> str:
    with pytest.raises(StoreError) as error:
        Conversations(path)
    line = str(error.value)
    assert "\n" not in line
    assert str(path) in line
    return line


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("the shop's shopping list " * 100)
    assert "not a database" in refusal(path)
    assert path.read_text() == "the shop's shopping list " * 100


def test_a_folder_in_the_files_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    assert "--home" in refusal(path)


def test_a_home_that_is_a_file_is_refused(path: Path) -> None:
    path.parent.write_text("")
    assert "--home" in refusal(path)


def test_a_home_without_permission_is_refused(path: Path) -> None:
    Conversations(path).close()
    path.chmod(0o444)
    path.parent.chmod(0o555)
    root = os.geteuid() == 0
    if root:  # whom no permission stops
        os.seteuid(65534)
    try:
        assert "writable" in refusal(path)
    finally:
        if root:
            os.seteuid(0)
        path.parent.chmod(0o755)


def test_what_shoppers_wrote_is_readable_by_the_owner_only(store: Conversations, path: Path) -> None:
    converse(store, store.start("web"), 1)
    assert [file.stat().st_mode & 0o077 for file in path.parent.iterdir() if not file.name.endswith("-shm")] == [0, 0]


def test_a_damaged_database_is_reported_in_one_line(path: Path) -> None:
    with Conversations(path) as store:
        conversation = store.start("web")
        converse(store, conversation, 50, "long text " * 50)
    content = bytearray(path.read_bytes())
    content[3 * 4096 :] = os.urandom(len(content) - 3 * 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"), Conversations(path) as store:
        store.turns(conversation)


def test_a_full_disk_is_reported_and_what_was_stored_stays(store: Conversations) -> None:
    conversation = store.start("web")
    converse(store, conversation, 5)
    before = store.turns(conversation)
    (pages,) = store.database.execute("PRAGMA page_count").fetchone()
    store.database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="full; free some space"):
        store.open_turn(conversation, "large", "x" * 50_000)
    assert store.turns(conversation) == before
    store.database.execute("PRAGMA max_page_count = 1000000")
    assert store.open_turn(conversation, "large", "x" * 50_000).question == "x" * 50_000


FULL = textwrap.dedent("""
    import resource, sys
    from pathlib import Path
    from bot.conversations import Conversations
    from bot.errors import StoreError

    store = Conversations(Path(sys.argv[1]))
    conversation = store.start("web")
    store.open_turn(conversation, "m1", "before")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    try:
        for number in range(2, 1000):
            store.open_turn(conversation, f"m{number}", "x" * 5_000)
            print(number, flush=True)
    except StoreError as error:
        print(error)
    assert store.turns(conversation)[0].question == "before"
""")


def test_a_write_that_the_system_refuses_loses_nothing_before_it(path: Path) -> None:
    """A limit on the size of files: the write itself fails, as on a full disk, in the middle of a commit."""
    run = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    *acknowledged, error = run.stdout.splitlines()
    assert "what was stored before is safe" in error
    with Conversations(path) as store:
        assert store.database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (conversation,) = store.recent()
        kept = [turn.message_id for turn in store.turns(conversation.id)]
    assert len(acknowledged) > 20
    assert kept[: len(acknowledged) + 1] == ["m1", *(f"m{number}" for number in acknowledged)]


def test_a_writer_that_does_not_let_go_is_reported(store: Conversations, path: Path) -> None:
    conversation = store.start("web")
    store.database.execute("PRAGMA busy_timeout = 50")
    with bare(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process has held it"):
            store.open_turn(conversation, "m1", "Hello?")
        other.execute("ROLLBACK")
    assert store.open_turn(conversation, "m1", "Hello?").question == "Hello?"


def test_a_closed_store_says_so(path: Path) -> None:
    store = Conversations(path)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.start("web")
