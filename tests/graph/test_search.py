"""What is found by which words, whose it is, and in what order."""

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph

from graph import Bookmark, OpenGraph
from graph.checkpointers.postgres import PostgresCheckpointer, open_postgres
from graph.threads import Hit, Threads
from tests.graph.talking import talk

pytestmark = pytest.mark.anyio


class Talks:
    """Threads of one user in which is said what a test wants."""

    def __init__(self, saver: PostgresCheckpointer) -> None:
        self.saver, self.threads, self.user = saver, Threads(saver), uuid4().hex
        builder = StateGraph(MessagesState)
        builder.add_node("listen", lambda _: {})
        builder.add_edge(START, "listen")
        builder.add_edge("listen", END)
        self.graph = builder.compile(checkpointer=saver)

    async def tell(self, *texts: str, user: str | None = None, place: Bookmark | None = None) -> Bookmark:
        """A thread, new or `place`, in which these are said, each in a turn of its own."""
        place = place or Bookmark(uuid4().hex, user or self.user)
        for text in texts:
            await self.graph.ainvoke({"messages": [HumanMessage(text)]}, place.config)
        return place

    async def found(self, query: str, **options: Any) -> list[Hit]:
        """What the user finds in messages; titles apart, since the first message makes one."""
        hits = await self.threads.search(self.user, query, **options)
        return [hit for hit in hits if hit.message_id is not None]


@pytest.fixture
async def talks(database: str) -> AsyncIterator[Talks]:
    """Talks of a user of this test's own."""
    async with open_postgres(database) as saver:
        yield Talks(saver)


FOUND = {
    "a word": ("The amber lamp is lit.", "lamp"),
    "several words, in any order": ("The amber lamp is lit.", "lit amber"),
    "the beginning of a word": ("The amber lamp is lit.", "amb"),
    "a short word": ("Go to the pub at 6", "at 6"),
    "upper case": ("The Amber LAMP", "aMBER lamp"),
    "É": ("ÉCLAIR au café", "éclair CAFÉ"),
    "Ж": ("Жираф и ёж", "жираф ЁЖ"),
    "Ω": ("ΩMEGA Ή", "ωmega"),
    "German": ("Straßenbahn über Köln", "straß KÖLN"),
    "Arabic": ("السلام عليكم", "السلام"),
    "Hindi": ("नमस्ते दुनिया", "नमस्ते"),
    "Chinese, two signs of the middle": ("你好世界", "好世"),
    "Chinese, one sign": ("你好世界", "界"),
    "Chinese beside Latin": ("用Postgres存储对话", "postgres 对话"),
    "Japanese": ("東京タワーに行きました", "タワー"),
    "Japanese, kana and signs": ("東京タワーに行きました", "行きました"),
    "Thai": ("สวัสดีชาวโลก", "ชาวโลก"),
    "Lao": ("ສະບາຍດີໂລກ", "ໂລກ"),
    "Korean by its beginning": ("안녕하세요 세계", "안녕하"),
    "Korean without its particle": ("학교에서 만나요", "학교"),
    "a rare sign beyond 16 bits": ("這個字是𠮷野家", "𠮷野"),
    "an e-mail address": ("Write to ada.lovelace@example.com soon", "ada.lovelace@example.com"),
    "a part of an e-mail address": ("Write to ada.lovelace@example.com soon", "lovelace"),
    "the host of an e-mail address": ("Write to ada.lovelace@example.com soon", "example.com"),
    "a part of a URL": ("See https://docs.example.org/guide/install.html?x=1#top", "guide install"),
    "a URL": ("See https://docs.example.org/guide/install.html", "https://docs.example.org/guide"),
    "a part of a path": ("It is in /etc/postgresql/postgresql.conf", "postgresql.conf"),
    "a Windows path": (r"C:\Users\ada\notes.txt", r"ada\notes"),
    "a part of a hyphenated word": ("A state-of-the-art lamp", "art"),
    "a hyphenated word": ("A state-of-the-art lamp", "state-of-the-art"),
    "a name in code": ("call max_open_files() now", "open_files"),
    "an option": ("run it with --no-browser", "--no-browser"),
    "what stands in angle brackets": ("use a Map<String, Vec<u8>> and <details>", "details"),
    "the argument of a type": ("use a std::vector<double> here", "vector double"),
    "what follows an ampersand": ("cats &amp; dogs; a&lt;b", "amp"),
    "an apostrophe": ("l’été, it isn't", "été"),
    "another apostrophe": ("it isn't", "isn't"),
    "a number with a sign": ("call +44 20 7946", "44"),
    "curly quotes": ("She called it a “needle” at once", "needle"),
    "guillemets": ("Это «слово» здесь", "слово"),
    "low quotes": ("Sie sagte „Nadel“ dazu", "nadel"),
    "a dash without spaces": ("thread—needle—cloth", "needle"),
    "an ellipsis": ("and then…needle", "needle"),
    "a dash in the query": ("The amber lamp", "amber — lamp"),
    "curly quotes in the query": ("The amber lamp", "“amber lamp”"),
    "an inverted mark": ("¿Qué aguja?", "qué"),
    "a price": ("It costs €25 or £20", "25"),
    "an emoji": ("👍needle", "needle"),
    "full-width marks": ("ＡＢＣ（needle）", "needle"),
    "an Arabic comma": ("نعم، شكرا", "نعم"),
    "a danda": ("नमस्ते।", "नमस्ते"),
    "an em dash between signs": ("你好——世界", "世界"),
    "marks of Markdown": ("**needle**, `thread` and _cloth_", "needle thread cloth"),
    "code": ("x=needle;y[thread]", "needle thread"),
    "a decimal": ("pi is 3.14159", "3.14159"),
    "quotes in the query": ("The amber lamp", '"amber lamp"'),
    "a lone quote": ("The amber lamp", "amber' lamp"),
    "operators": ("The amber lamp", "amber & !lamp | (lamp) <-> lamp:*"),
    "a backslash": ("The amber lamp", "amber\\ \\lamp"),
    "per cent and underscore": ("The amber lamp", "%amber_ %"),
    "a NUL and a surrogate": ("The amber lamp", "amber\0lamp \ud83d"),
    "a line break": ("The amber\n\nlamp", "amber\nlamp"),
    "far into a text": ("filler " * 10_000 + "needle", "needle"),
}


@pytest.mark.parametrize(("text", "query"), FOUND.values(), ids=list(FOUND))
async def test_it_is_found(talks: Talks, text: str, query: str) -> None:
    """Once, with its thread, its id, its place, and by the person who said it."""
    place = await talks.tell("An opening.", text)
    (hit,) = await talks.found(query)
    said = (await talks.threads.transcript(place)).entries[1]
    assert (hit.thread_id, hit.message_id, hit.role) == (place.thread_id, said.id, "human")
    assert (hit.place, hit.title) == (1, "An opening.")


MISSED = {
    "another word": ("The amber lamp", "candle"),
    "one word of two": ("The amber lamp", "amber candle"),
    "the end of a word": ("The amber lamp", "mber"),
    "a short word in a longer one": ("The amber lamp", "am"),
    "signs in another order": ("你好世界", "世好"),
    "signs that stand apart": ("你很好，世界", "你好"),
    "kana in another order": ("東京タワー", "ワタ"),
    "any sign for an underscore": ("The amber lamp", "l_mp"),
    "anything for a per cent": ("The amber lamp", "am%er"),
    "a word that is not wanted": ("The amber lamp", "amber !candle"),
    "one of two words": ("The amber lamp", "amber | candle"),
}


@pytest.mark.parametrize(("text", "query"), MISSED.values(), ids=list(MISSED))
async def test_it_is_not_found(talks: Talks, text: str, query: str) -> None:
    """Every word must be there, at the beginning of a word; signs must stand together."""
    await talks.tell(text)
    assert await talks.threads.search(talks.user, query) == []


@pytest.mark.parametrize(
    "query",
    [
        *("", "   ", "\n\t", "\0", "\ud83d", "%", "_", "%%", "'", "''", '"', "\\", "@", "@0"),
        *("&", "|", "!", "()", "<->", ":*", "—", "…", "“”", "。", "🙂"),
    ],
    ids=ascii,
)
async def test_a_query_without_a_word_finds_nothing(talks: Talks, query: str) -> None:
    """And raises nothing."""
    await talks.tell("The amber lamp % _ ' \\ & 🙂")
    assert await talks.threads.search(talks.user, query) == []


@pytest.mark.parametrize(
    "query", ["x" * 5_000, "a b " * 1_000, "好" * 2_000, "'" * 999 + "a", "\\" * 999 + "a", "a:*b&|!()" * 100]
)
async def test_no_query_is_too_odd(talks: Talks, query: str) -> None:
    """Long ones and crooked ones find nothing, and raise nothing."""
    await talks.tell("The amber lamp")
    assert await talks.threads.search(talks.user, query) == []


async def test_nobody_finds_what_another_said(talks: Talks) -> None:
    """The same words, the same thread id, another user: only one's own."""
    mine = await talks.tell("An amber lamp")
    await talks.tell("An amber lamp", place=Bookmark(mine.thread_id, uuid4().hex))
    assert len(await talks.threads.search(talks.user, "amber")) == 2, "the title and the message"
    assert await talks.threads.search(uuid4().hex, "amber") == []


async def test_users_whose_names_fall_together_stay_apart(talks: Talks) -> None:
    """The index knows a user by a number of 32 bits; two of one number still find only their own."""
    async with talks.saver.connection() as conn:
        names = "SELECT n::text AS name, hashtext(n::text) AS mark FROM generate_series(1, 300000) n"
        twins = (
            f"SELECT min(name) AS one, max(name) AS other FROM ({names}) u GROUP BY mark HAVING count(*) > 1"
        )
        row = await (await conn.execute(f"{twins} LIMIT 1".encode())).fetchone()
    assert row, "about ten are expected"
    word = f"w{uuid4().hex}"
    place = await talks.tell(word, user=row["one"])
    assert await talks.threads.search(row["other"], word) == []
    assert [hit.thread_id for hit in await talks.threads.search(row["one"], word)] == [place.thread_id] * 2


async def test_titles_are_found_as_they_are_now(talks: Talks) -> None:
    """By the title that the first question gave, then by the one given by hand, and no longer by the old."""
    place = await talks.tell("An amber lamp")

    async def titles(query: str) -> list[str]:
        hits = await talks.threads.search(talks.user, query)
        return [hit.excerpt for hit in hits if hit.message_id is None]

    assert await titles("amber") == ["An amber lamp"]
    await talks.threads.rename(place, "Éclairs à volonté")
    assert await titles("éclair") == ["Éclairs à volonté"]
    assert await titles("amber") == []
    (hit,) = await talks.threads.search(talks.user, "volonté")
    assert (hit.thread_id, hit.place, hit.role) == (place.thread_id, -1, None)


async def test_what_is_in_the_trash_is_not_found_until_it_is_restored(talks: Talks) -> None:
    """Trashed: nothing; restored: as before; archived: still; deleted: never again."""
    place = await talks.tell("An amber lamp")
    before = await talks.threads.search(talks.user, "amber")
    await talks.threads.trash(place)
    assert await talks.threads.search(talks.user, "amber") == []
    await talks.threads.trash(place, on=False)
    assert await talks.threads.search(talks.user, "amber") == before
    await talks.threads.archive(place)
    assert await talks.threads.search(talks.user, "amber") == before
    await talks.threads.delete(place)
    assert await talks.threads.search(talks.user, "amber") == []


async def test_hits_are_paged_without_gap_or_overlap(talks: Talks) -> None:
    """The newest first, titles among them; every page goes on where the one before ended."""
    for n in range(2):
        await talks.tell(*(f"amber {n} {m}" for m in range(4)))
    place = await talks.tell(*(f"amber 2 {m}" for m in range(4)))
    # Said at one moment: what tells them apart is their thread and their place.
    said = [HumanMessage(f"amber together {n}") for n in range(4)] + [AIMessage("amber again")]
    await talks.graph.ainvoke({"messages": said}, place.config)
    whole = await talks.threads.search(talks.user, "amber", limit=500)
    assert len(whole) == 3 * 4 + 3 + 5
    assert all(
        (one.created, one.number, one.place) > (other.created, other.number, other.place)
        for one, other in pairwise(whole)
    )
    for size in (1, 3, 7):
        paged: list[Hit] = []
        while page := await talks.threads.search(
            talks.user, "amber", limit=size, after=paged[-1] if paged else None
        ):
            assert len(page) <= size
            paged += page
            assert len(paged) <= len(whole)
        assert paged == list(whole)


FILLER = "filler " * 3_000
EXCERPTS = {
    "a word": (FILLER + "and the needle here", "needle", "needle"),
    "a word in quotes": (FILLER + "and the needle here", '"needle"', "needle"),
    "a word after a dash": (FILLER + "and the needle here", "— needle", "needle"),
    "a word in brackets": (FILLER + "and (needle) here", "(needle", "needle"),
    "the beginning of a word": (FILLER + "and the needles", "NEED", "needles"),
    "another case": (FILLER + "l'ÉTÉ", "été", "ÉTÉ"),
    "signs": ("好" * 3_000 + "世界", "世界", "世界"),
    "at the beginning": ("needle " + FILLER, "needle", "needle"),
}


@pytest.mark.parametrize(("text", "query", "held"), EXCERPTS.values(), ids=list(EXCERPTS))
async def test_an_excerpt_holds_the_word(talks: Talks, text: str, query: str, held: str) -> None:
    """However far it is into a text, and whatever stands around it in the query."""
    await talks.tell("An opening.", text)
    (hit,) = await talks.found(query)
    assert held in hit.excerpt
    assert len(hit.excerpt) <= 200


@pytest.mark.parametrize("sign", ["filler ", "好世界 ", "é"], ids=ascii)
async def test_a_text_of_5_mb_is_kept_and_its_beginning_found(talks: Talks, sign: str) -> None:
    """Whole, and by what stands at its beginning."""
    text = "amber " + sign * (5_000_000 // len(sign.encode()))
    place = await talks.tell("An opening.", text)
    (hit,) = await talks.found("amber")
    assert hit.thread_id == place.thread_id
    assert (await talks.threads.transcript(place)).entries[1].message.text == text


async def test_a_text_of_many_different_words_is_kept(talks: Talks) -> None:
    """More words than an index entry has room for are no reason to refuse a message."""
    texts = [
        " ".join(f"{n:x}y" for n in range(40_000)),
        "".join(chr(0x4E00 + n % 20_000) for n in range(100_000)),
        "x" * 200_000,
        " ".join("é" * 600 + str(n) for n in range(300)),
    ]
    place = await talks.tell(*texts)
    entries = (await talks.threads.transcript(place)).entries
    assert [entry.message.text for entry in entries] == texts


async def test_an_edited_message_is_found_by_both_texts(talks: Talks) -> None:
    """Each version is a row of its own, and older moments still show the older."""
    place = Bookmark(uuid4().hex, talks.user)
    for text in ("An amber lamp", "A copper lamp"):
        await talks.graph.ainvoke({"messages": [HumanMessage(text, id="m1")]}, place.config)
    assert [hit.message_id for hit in await talks.found("lamp")] == ["m1", "m1"]
    assert [hit.excerpt for hit in await talks.found("copper")] == ["A copper lamp"]


async def test_a_summary_is_not_found(graph: OpenGraph) -> None:
    """What was said is; what the fold made of it is no message of the conversation."""
    place = Bookmark(uuid4().hex, uuid4().hex)
    await talk(graph, place, 10)
    summary = (await graph.aget_state(place.config)).values["summary"]
    assert summary.text.startswith("Summary of the conversation so far:")
    assert await graph.threads.search(place.user_id, "Summary of the conversation so far") == []
    assert await graph.threads.search(place.user_id, "amber birch")
