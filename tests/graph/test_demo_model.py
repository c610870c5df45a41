"""The demo model: it knows what its prompt holds, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    message_chunk_to_message,
)

from graph.demo_model import DemoModel, reply
from graph.tokens import count_all, count_text

SYSTEM = SystemMessage("You are helpful.")
SUMMARY = SystemMessage(
    "Summary of the conversation so far:\n- My sister Anna moved to Lisbon on 3 May\n- I drink 緑茶 daily",
    additional_kwargs={"longthread": {"count": 4}},
)
ASK_SUMMARY = SystemMessage("Make it short.", additional_kwargs={"longthread": {"task": "summarize"}})
TALK: list[BaseMessage] = [
    HumanMessage("My bicycle is blue and stands in Rome."),
    AIMessage("A fine bicycle."),
    HumanMessage("我最喜欢的茶是龙井。"),
    AIMessage("好茶。"),
]


def _ask(question: str, *before: BaseMessage) -> str:
    return reply([SYSTEM, *before, HumanMessage(question)])


def test_it_quotes_the_message_and_says_how_long_ago() -> None:
    """A question of memory is answered with the words that were sent."""
    assert _ask("What did I say about the bicycle?", *TALK) == (
        "You said, 4 messages ago: “My bicycle is blue and stands in Rome.”"
    )


def test_it_quotes_the_summary_and_says_so() -> None:
    """What only the summary holds is quoted from there."""
    answer = _ask("what did I say about Lisbon?", SUMMARY, *TALK)
    assert answer == "From the summary: “My sister Anna moved to Lisbon on 3 May”"


def test_a_summary_without_its_mark_is_known_by_its_place() -> None:
    """A wire loses the mark; the second system message is the summary all the same."""
    plain = SystemMessage(SUMMARY.text)
    assert "From the summary" in _ask("what did I tell you about Anna?", plain)


def test_it_does_not_know_what_it_was_not_sent() -> None:
    """Nothing in the prompt: it says plainly so."""
    assert "Nothing in what I was sent mentions “Lisbon”" in _ask("What did I say about Lisbon?", *TALK)


def test_earlier_questions_are_no_finds() -> None:
    """Having asked about a thing is not having said something about it."""
    asked = HumanMessage("What did I say about whales?")
    assert "Nothing in" in _ask("What did I say about whales?", asked, AIMessage("Nothing."))


def test_its_own_words_are_no_finds() -> None:
    """Only what the user said counts."""
    assert "Nothing in" in _ask("What did I say about whales?", AIMessage("Whales are large."))


@pytest.mark.parametrize("question", ["what did I say about 茶?", "What did I say about 茶？"])
def test_scripts_without_spaces_are_found(question: str) -> None:
    """茶 is found within a sentence, in the window and in the summary."""
    answer = _ask(question, SUMMARY, *TALK)
    assert "You said, 2 messages ago: “我最喜欢的茶是龙井。”" in answer
    assert "From the summary: “I drink 緑茶 daily”" in answer


@pytest.mark.parametrize(
    ("said", "question", "found"),
    [
        ("Hi, my name is Ada Lovelace.", "What is my name?", "Ada Lovelace"),
        ("Hi, my name is Ada Lovelace.", "Who am I?", "Ada Lovelace"),
        ("My dog's name is Rex and he is 7.", "what's my dog's name?", "Rex"),
        ("The meeting is on 14 March at 9.", "When did I say the meeting is?", "14 March"),
        ("My favourite colour is teal.", "Do you remember my favourite colour?", "teal"),
        ("I paid 40 euros for shoes.", "What do you know about my shoes?", "40 euros"),
    ],
)
def test_questions_of_memory_in_other_words(said: str, question: str, found: str) -> None:
    """People ask in many ways."""
    filler = [AIMessage("Noted."), HumanMessage("The weather is fine."), AIMessage("It is.")]
    assert found in _ask(question, HumanMessage(said), *filler)


def test_a_word_is_not_found_inside_another() -> None:
    """“cat” is not in “concatenate”."""
    assert "Nothing in" in _ask("What did I say about cats?", HumanMessage("Please concatenate these."))


def test_a_long_message_is_quoted_around_the_find() -> None:
    """The quotation holds the word that was asked for."""
    long = HumanMessage("filler " * 500 + "the password hint is walrus " + "filler " * 500)
    answer = _ask("What did I say about the walrus?", long)
    assert "walrus" in answer and len(answer) < 400


def test_it_lists_what_was_talked_about() -> None:
    """“What did we talk about?” lists the summary and the messages that were sent."""
    answer = _ask("What did we talk about?", SUMMARY, *TALK)
    assert "Lisbon" in answer and "bicycle" in answer and "龙井" in answer


def test_it_says_that_it_is_no_real_model_and_what_it_was_sent() -> None:
    """Any other question gets its gist, the size of the prompt and the truth about the model."""
    messages = [SYSTEM, *TALK, HumanMessage("Write me a poem")]
    answer = reply(messages)
    assert "Write me a poem" in answer and "demo model, not a real one" in answer
    assert f"6 messages ({count_all(messages):,} tokens) and no summary" in answer


def test_a_summary_keeps_facts_findable() -> None:
    """Names, numbers and dates survive any number of folds, with the words around them."""
    summary = reply([ASK_SUMMARY, SUMMARY, *TALK, HumanMessage(f"well {'so ' * 20}see Bob at 17:30")])
    again = reply([ASK_SUMMARY, SystemMessage(summary), HumanMessage("I like figs")])
    for fact in ("Lisbon on 3 May", "bicycle is blue", "龙井", "Bob", "17:30", "figs"):
        assert fact in again
    assert "A fine bicycle" not in again


def test_a_summary_of_a_transcript_in_one_message() -> None:
    """The earlier summary and the conversation may come as one text."""
    talk = "User: I have\ntwo cats: Mia: 3\nAssistant: Nice: cats\n"
    text = f"Earlier summary:\n- I live in Oslo\n\nConversation:\n{talk}"
    summary = reply([SystemMessage("Summarise this."), HumanMessage(text)])
    assert summary.splitlines() == ["- I live in Oslo", "- I have two cats: Mia: 3"]


def test_a_summary_drops_its_oldest_lines_first() -> None:
    """It keeps to the tokens it is given."""
    messages = [ASK_SUMMARY, *(HumanMessage(f"fact number {i} about topic {i}") for i in range(200))]
    summary = DemoModel().bind(max_tokens=100).invoke(messages).text
    assert count_text(summary) <= 100
    assert "fact number 199" in summary and "fact number 0 " not in summary
    assert len(summary.splitlines()) > 3


def test_a_summary_is_never_empty() -> None:
    """Folding nothing but questions of memory leaves a line that says so."""
    assert reply([ASK_SUMMARY, HumanMessage("What is my name?")]).strip()


def test_an_answer_keeps_to_its_tokens() -> None:
    """`max_tokens` cuts the answer, and the reason says so."""
    message = DemoModel().invoke([HumanMessage("tell me a very long story")], max_tokens=10)
    assert count_text(message.text) <= 10
    assert message.response_metadata["finish_reason"] == "length"


@pytest.mark.anyio
async def test_streamed_and_whole_answers_are_the_same() -> None:
    """Streaming changes neither the words nor the count."""
    model, messages = DemoModel(delay=0), [SYSTEM, *TALK, HumanMessage("What did I say about Rome?")]
    chunks = [chunk async for chunk in model.astream(messages)]
    whole = message_chunk_to_message(sum(chunks[1:], chunks[0]))
    assert isinstance(whole, AIMessage)
    assert len(chunks) > 5
    for other in (await model.ainvoke(messages), model.invoke(messages)):
        assert (other.text, other.usage_metadata) == (whole.text, whole.usage_metadata)
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["input_tokens"] == count_all(messages)
    assert whole.usage_metadata["output_tokens"] == count_text(whole.text)


_text = st.text(max_size=60) | st.sampled_from(
    ["What did I say about ?", "what is my ?", "my name is ", "\0\ud800"]
)


def _parts(text: str) -> HumanMessage:
    return HumanMessage([{"type": "text", "text": text}, {"type": "image_url", "image_url": "x:"}])


def _tool(text: str) -> ToolMessage:
    return ToolMessage(text, tool_call_id="1")


_message = st.one_of(
    st.builds(HumanMessage, _text),
    st.builds(AIMessage, _text),
    st.builds(SystemMessage, _text),
    st.builds(_parts, _text),
    st.builds(_tool, _text),
    st.just(ASK_SUMMARY),
    st.just(RemoveMessage(id="x")),
)


@given(st.lists(_message, max_size=8), st.none() | st.integers(1, 60))
def test_it_answers_any_prompt(messages: list[BaseMessage], room: int | None) -> None:
    """Whatever the prompt, there is an answer, and always the same."""
    answer = reply(messages, room)
    assert answer.strip()
    assert answer == reply(messages, room)
