# ruff: noqa: E501  a sentence in another script has its own width
"""The estimate against the real vocabulary, and the correction against what a model reported."""

import base64
import inspect
import json
import random
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from graph.tokens import (
    _PIECE,
    CALL,
    IMAGE,
    MEDIA,
    MESSAGE,
    PRIMING,
    correction,
    count,
    count_all,
    count_text,
)

bpe_openai = pytest.importorskip("bpe_openai")
VOCABULARY = bpe_openai.get_encoding("o200k_base")
NOISE = random.Random(8)


def true(text: str) -> int:
    return len(VOCABULARY.encode_ordinary(text))


PROSE = {
    "english": "We moved to the coast last spring, and I still miss the bakery on the corner. My sister says the new "
    "neighbours are kind; their dog, however, barks at every bicycle. Could you remind me which of the three "
    "offers we liked best, and why we did not take the cheapest one? I'd rather decide before Thursday.",
    "german": "Im letzten Frühjahr sind wir an die Küste gezogen, und ich vermisse noch immer die Bäckerei an der "
    "Ecke. Meine Schwester meint, die neuen Nachbarn seien freundlich; ihr Hund bellt allerdings jedes Fahrrad an. "
    "Welche Versicherungsangebote haben wir verglichen, und weshalb wollten wir das günstigste nicht?",
    "french": "Nous avons déménagé sur la côte au printemps dernier, et la boulangerie du coin me manque encore. Ma "
    "sœur trouve les nouveaux voisins aimables ; leur chien aboie pourtant après chaque vélo. Peux-tu me rappeler "
    "laquelle des trois offres nous avions préférée, et pourquoi nous n'avons pas pris la moins chère ?",
    "spanish": "La primavera pasada nos mudamos a la costa y todavía echo de menos la panadería de la esquina. Mi "
    "hermana dice que los vecinos nuevos son amables, aunque su perro ladra a todas las bicicletas. ¿Recuerdas "
    "cuál de las tres ofertas nos gustó más y por qué no elegimos la más barata?",
    "chinese": "去年春天我们搬到了海边，我至今还想念街角的面包店。姐姐说新邻居很友好，只是他们的狗见到自行车就叫。"
    "你能提醒我三个方案里我们最喜欢哪一个吗？为什么没有选择最便宜的那个？我想在星期四以前做决定。",
    "japanese": "去年の春に海辺の町へ引っ越しましたが、角のパン屋が今でも懐かしいです。姉は新しい隣人が親切だと言いますが、"
    "犬が自転車を見るたびに吠えます。三つの提案のうちどれが一番気に入ったか、教えてもらえますか。",
    "korean": "지난봄에 바닷가로 이사했는데 아직도 모퉁이 빵집이 그립습니다. 언니는 새 이웃이 친절하다고 하지만 그 집 개는 "
    "자전거만 보면 짖어요. 세 가지 제안 중에서 어느 것이 가장 마음에 들었는지, 왜 가장 싼 것을 고르지 않았는지 알려 주세요.",
    "arabic": "انتقلنا في الربيع الماضي إلى الساحل، وما زلت أشتاق إلى المخبز الذي في الزاوية. تقول أختي إن الجيران "
    "الجدد لطفاء، لكن كلبهم ينبح على كل دراجة. هل يمكنك أن تذكرني بأي العروض الثلاثة أعجبنا أكثر ولماذا لم نختر الأرخص؟",
    "russian": "Прошлой весной мы переехали к морю, и я до сих пор скучаю по пекарне на углу. Сестра говорит, что новые "
    "соседи добрые, но их собака лает на каждый велосипед. Напомни, какое из трёх предложений нам понравилось больше "
    "всего и почему мы не выбрали самое дешёвое?",
    "hindi": "पिछले वसंत में हम समुद्र के किनारे रहने आए और मुझे अब भी नुक्कड़ वाली दुकान की याद आती है। मेरी बहन कहती है कि नए पड़ोसी अच्छे "
    "हैं, लेकिन उनका कुत्ता हर साइकिल पर भौंकता है। क्या तुम मुझे बता सकते हो कि हमें कौन सा प्रस्ताव सबसे अच्छा लगा था?",
    "thai": "ฤดูใบไม้ผลิปีที่แล้วเราย้ายมาอยู่ริมทะเล และฉันยังคิดถึงร้านขนมปังตรงหัวมุม พี่สาวบอกว่าเพื่อนบ้านใหม่ใจดี แต่สุนัขของเขาเห่า"
    "จักรยานทุกคัน ช่วยเตือนฉันหน่อยได้ไหมว่าเราชอบข้อเสนอไหนมากที่สุด",
}
FORMAL = {
    "python": inspect.getsource(correction) + inspect.getsource(base64.b85decode),
    "json": json.dumps(
        [
            {"id": n, "name": f"order {n}", "paid": n % 2 == 0, "lines": [{"sku": "A-17", "price": 12.5}]}
            for n in range(9)
        ],
        indent=2,
    ),
}
ROUGH = {
    "digits": "".join(NOISE.choice(string.digits) for _ in range(400)),
    "emoji": "👍 great 🎉🎉 see you 😀😂😅 🏠🚲🌊 ❤️ 🥐 ok 🙈 🤷‍♀️ bye 👋",
    "whitespace": "a\n\n\n    b\t\tc\n  \n d        e\n" * 9,
    "hex": NOISE.randbytes(300).hex(),
    "base64": base64.b64encode(NOISE.randbytes(600)).decode(),
    "letters": "".join(NOISE.choice(string.ascii_lowercase) for _ in range(600)),
    "printable": "".join(NOISE.choice(string.printable) for _ in range(600)),
    "plane": "".join(chr(NOISE.choice((*range(0x20, 0xD800), *range(0xE000, 0xFFFE)))) for _ in range(500)),
    "amharic": "ባለፈው ጸደይ ወደ ባሕር ዳርቻ ተዛወርን",
    "sinhala": "පසුගිය වසන්තයේ අපි වෙරළට ගියෙමු",
    "controls": "\x00\x01\x02" * 30,
}


@pytest.mark.parametrize("kind", [*PROSE, *FORMAL])
def test_prose_and_code_are_neither_undercounted_nor_far_over(kind: str) -> None:
    """Between 0.97 and 1.25 of the true count, in every script."""
    text = (PROSE | FORMAL)[kind]
    assert 0.97 <= count_text(text) / true(text) <= 1.25


@pytest.mark.parametrize("kind", ROUGH)
def test_noise_is_not_undercounted(kind: str) -> None:
    """Text of no language may cost more than it should, hardly less."""
    assert count_text(ROUGH[kind]) >= 0.95 * true(ROUGH[kind])


@settings(deadline=None, max_examples=150)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=40, max_size=400))
def test_no_text_is_undercounted_by_a_fifth(text: str) -> None:
    """Whatever the characters."""
    assert count_text(text) >= 0.8 * true(text)


@settings(deadline=None)
@given(st.text())
def test_every_text_has_a_count(text: str) -> None:
    """Nothing for nothing, at least one for something, lone halves of a surrogate pair too."""
    assert (count_text(text) >= 1) == bool(text)


@settings(deadline=None, max_examples=300)
@given(st.text(st.one_of(st.sampled_from("aAsStTж'’ /\t\n\r\u2003.(1字ア한ء🙂\ud800"), st.characters())))
def test_a_piece_is_alone_what_it_is_in_its_text(text: str) -> None:
    """Else a price that is remembered by the piece would depend on the text in which it was met first."""
    for piece in _PIECE.finditer(text):
        alone = next(_PIECE.finditer(piece[0]))
        assert (alone[0], alone.lastindex) == (piece[0], piece.lastindex)


def test_counting_takes_time_in_proportion() -> None:
    """Ten times the text, not a hundred times the time, also where a pattern could go back and forth."""
    for unit in ("word ", " ", "A", "a" * 50, "\n ", "(", "'", "字", "1"):
        times: list[float] = []
        for size in (20_000, 200_000):
            text = (unit * size)[:size]
            started = time.perf_counter()
            count_text(text)
            times.append(time.perf_counter() - started)
        assert times[1] < 40 * times[0] + 0.05, unit


def test_a_message_costs_its_words_and_what_holds_them() -> None:
    """Four a message, three a prompt."""
    assert count(HumanMessage("")) == MESSAGE == 4
    assert count(HumanMessage("hello")) == MESSAGE + count_text("hello")
    assert count(HumanMessage("hello", name="ada")) > count(HumanMessage("hello"))
    assert count_all([HumanMessage("hello")]) == count(HumanMessage("hello")) + PRIMING
    assert count_all([]) == PRIMING == 3


def test_parts_cost_their_text_or_a_fixed_price() -> None:
    """Pictures, sound and files are not opened, however large; text parts count like text."""
    large = "data:image/png;base64," + "A" * 100_000
    assert count(HumanMessage(["hello", {"type": "text", "text": "hello"}])) == MESSAGE + 2 * count_text(
        "hello"
    )
    assert count(HumanMessage([{"type": "image_url", "image_url": {"url": large}}])) == MESSAGE + IMAGE
    for part in (
        {"type": "image", "base64": large},
        {"type": "input_image", "url": "https://nowhere.invalid/a.png"},
    ):
        assert count(HumanMessage([part])) == MESSAGE + IMAGE
    for kind in ("input_audio", "audio", "video", "file", "document", "media"):
        assert count(HumanMessage([{"type": kind, "data": large}])) == MESSAGE + MEDIA
    assert count(HumanMessage([{"type": "weather", "celsius": 21}])) > MESSAGE


def test_tool_calls_and_results_cost_their_names_and_arguments() -> None:
    """A call is in the prompt as much as a text is."""
    args = {"city": "Bergen", "days": 3}
    call = AIMessage("", tool_calls=[{"name": "weather", "args": args, "id": "call_1"}])
    assert count(call) >= MESSAGE + CALL + true("weather") + true(json.dumps(args))
    told_twice = AIMessage([{"type": "tool_use", "name": "weather", "input": args, "id": "call_1"}])
    told_twice.tool_calls = call.tool_calls
    assert count(told_twice) == count(call)
    broken = AIMessage("", invalid_tool_calls=[{"name": "f", "args": "{" * 50, "id": "b", "error": None}])
    assert count(broken) > MESSAGE + CALL
    assert count(ToolMessage("rain", tool_call_id="call_1")) > count(HumanMessage("rain"))


def answer(true_count: object, estimate: object) -> AIMessage:
    message = AIMessage("yes", response_metadata={"longthread_estimate": estimate})
    if isinstance(true_count, int):
        message.usage_metadata = {
            "input_tokens": true_count,
            "output_tokens": 1,
            "total_tokens": true_count + 1,
        }
    return message


def test_without_a_report_nothing_is_corrected() -> None:
    """No usage, or nonsense: 1.0."""
    nonsense = [
        answer(*pair) for pair in ((None, 10), (0, 10), (-5, 10), (10, 0), (10, "10"), (10, None), (10, True))
    ]
    assert correction([]) == correction([HumanMessage("hi")]) == correction(nonsense) == 1.0
    assert correction([*nonsense, answer(30, 20)]) == 1.5


def test_a_high_report_counts_at_once_and_without_a_limit() -> None:
    """One reading of seven times is seven times, after any number of low ones."""
    assert correction([answer(100, 100)] * 20 + [answer(700, 100)]) == 7.0
    fading = correction([answer(700, 100), answer(100, 100)])
    assert 1.0 < fading < 7.0


def test_a_low_report_counts_slowly_and_only_a_little() -> None:
    """Never below 0.9, and a high reading is not forgotten in one turn."""
    assert correction([answer(10, 100)] * 50) == 0.9
    assert correction([answer(200, 100), answer(100, 100)]) == 1.5


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 10**6), st.integers(-5, 10**6)), max_size=20))
def test_a_correction_is_never_below_the_last_report(pairs: list[tuple[int, int]]) -> None:
    """Whatever was reported before."""
    messages: list[BaseMessage] = [answer(*pair) for pair in pairs]
    good = [true_count / ours for true_count, ours in pairs if true_count > 0 and ours > 0]
    assert correction(messages) >= max(0.9, *good[-1:]) if good else correction(messages) == 1.0
