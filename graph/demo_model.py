"""The model that needs no key and is no real model: it answers only from what its prompt holds.

So what a thread remembers can be seen. Ask "what did I say about …?": it quotes the messages it was sent, or
the summary, or says that neither mentions it. The same prompt always gets the same words.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from graph.tokens import count_all, count_text

QUOTES = 3  # most messages, and most lines of the summary, that one answer quotes
EXCERPT = 240  # characters of a quotation
LINE_WORDS = 12  # words of a message that its line in a summary begins with

_TALK = (
    r"(?:say|said|tell|told|talk(?:ed)?|mention(?:ed)?|write|wrote|written|"
    r"discuss(?:ed)?|ask(?:ed)?|cover(?:ed)?)"
)
_TOPICS = re.compile(
    rf"\bwhat (?:did|have|were|are) (?:i|we|you) {_TALK}(?:ing)?(?: about)?(?: so far)?\s*[?？.!]*\s*$",
    re.IGNORECASE,
)
_RECALLS = [
    re.compile(
        rf"\b(?:did|have) (?:i|we|you) (?:\w+ )?{_TALK}(?: (?:you|me))?"
        r"(?: (?:about|of|on|that))? (?P<topic>.+)",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"\b(?:do you|can you) (?:remember|recall|know)(?: (?:what|anything))?(?: about)? (?P<topic>.+)",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(r"\bwhat do you (?:know|remember) (?:about|of) (?P<topic>.+)", re.IGNORECASE | re.DOTALL),
    re.compile(
        r"\b(?:what|who|where|when|which|how)\b.{0,40}?\bmy (?P<topic>[^?？]+)[?？]",
        re.IGNORECASE | re.DOTALL,
    ),
]
_NAMED = re.compile(r"\bmy name is (?P<name>[^\s.,;!?。，]+(?: [A-Z][^\s.,;!?]*)?)", re.IGNORECASE)
_SPEAKER = re.compile(r"^(User|Assistant|Tool|Note|Other): ", re.MULTILINE)
_SMALL = frozenset(
    "a about again all an and any are at be been did do ever for from had has have how i in is it me mine my "  # noqa: SIM905
    "of on or our said say so tell that the their them this to told was we were what when where which who "
    "why with you your".split()
)


class DemoModel(BaseChatModel):
    """A chat model without a network; `delay` is the seconds that it takes over each word when streamed."""

    delay: float = 0.01

    @property
    def _llm_type(self) -> str:
        return "longthread-demo"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        chunks = [chunk.message for chunk in _chunks(messages, kwargs)]
        last = chunks[-1]
        message = AIMessage(
            "".join(chunk.text for chunk in chunks),
            response_metadata=last.response_metadata,
            usage_metadata=last.usage_metadata if isinstance(last, AIMessageChunk) else None,
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        yield from _chunks(messages, kwargs)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in _chunks(messages, kwargs):
            await asyncio.sleep(self.delay)
            yield chunk


def _chunks(messages: Sequence[BaseMessage], options: dict[str, Any]) -> list[ChatGenerationChunk]:
    """The reply in words, and a last chunk with what it cost."""
    room: int | None = options.get("max_tokens")
    whole = reply(messages, room)
    text = whole if room is None else _cut(whole, room)
    words = re.findall(r"\s*\S{1,20}|\s+", text)
    sent, said = count_all(messages), count_text(text)
    last = AIMessageChunk(
        content="",
        response_metadata={"model_name": "demo", "finish_reason": "stop" if text == whole else "length"},
        usage_metadata={"input_tokens": sent, "output_tokens": said, "total_tokens": sent + said},
        chunk_position="last",
    )
    parts = [*(AIMessageChunk(content=word) for word in words), last]
    return [ChatGenerationChunk(message=part) for part in parts]


def reply(messages: Sequence[BaseMessage], max_tokens: int | None = None) -> str:
    """The whole answer to `messages`; where they ask for one, a summary of at most `max_tokens`."""
    if asks_summary(messages):
        return _summarize(messages[1:], max_tokens)
    prompt = _Prompt.of(messages)
    question = prompt.question.strip()
    if not question:
        return f"You have not said anything yet. {_about(prompt, messages)}"
    if _TOPICS.search(question):
        return _list_topics(prompt)
    if topic := _topic(question):
        return _recall(prompt, topic)
    if named := _NAMED.search(question):
        promise = "I will know it as long as I am sent it."
        return f"Nice to meet you, {named['name']}. {promise} {_about(prompt, messages)}"
    return f"You wrote: “{_excerpt(question)}” {_about(prompt, messages)}"


def asks_summary(messages: Sequence[BaseMessage]) -> bool:
    """Whether these messages ask for a summary: by their mark, or by how they begin if a wire lost it."""
    first = messages[0] if messages else None
    if not isinstance(first, SystemMessage):
        return False
    mark: Any = first.additional_kwargs.get("longthread")
    if isinstance(mark, dict) and mark.get("task") == "summarize":  # pyright: ignore[reportUnknownMemberType]
        return True
    return first.text.lstrip().startswith("Summarise")


@dataclass(frozen=True)
class _Prompt:
    """A prompt taken apart: lines of the summary, user messages with how many messages ago, the question."""

    summary: list[str]
    said: list[tuple[int, str]]
    question: str

    @classmethod
    def of(cls, messages: Sequence[BaseMessage]) -> "_Prompt":
        systems = [m for m in messages if isinstance(m, SystemMessage)]
        # The first system message instructs, unless it is marked as a summary; each further one is a summary.
        told = systems if systems and _is_summary(systems[0]) else systems[1:]
        talk = [m for m in messages if not isinstance(m, SystemMessage)]
        human = [(i, str(m.text)) for i, m in enumerate(talk) if isinstance(m, HumanMessage)]
        now, question = human[-1] if human else (0, "")
        said = [(now - i, text) for i, text in human[:-1] if not _is_question_of_memory(text)]
        return cls(_lines(told), said, question)


def _is_summary(message: BaseMessage) -> bool:
    mark: Any = message.additional_kwargs.get("longthread")
    return isinstance(mark, dict) and "count" in mark


def _lines(messages: Sequence[BaseMessage]) -> list[str]:
    lines = [line.strip() for m in messages for line in m.text.splitlines()]
    lines = [line for line in lines if line.startswith("-") or not line.endswith(":")]  # headings say nothing
    return [bare for line in lines if (bare := line.lstrip("-*• "))]


def _is_question_of_memory(text: str) -> bool:
    return bool(_TOPICS.search(text) or _topic(text))


def _topic(question: str) -> str:
    """What a question of memory is about, or "" for any other text."""
    if "?" not in question and "？" not in question:
        return ""
    if re.search(r"\bwho am i\b", question, re.IGNORECASE):
        return "name"
    found = next((m for pattern in _RECALLS if (m := pattern.search(question))), None)
    return re.split(r"[?？]", found["topic"])[0].strip() if found else ""


def _recall(prompt: _Prompt, topic: str) -> str:
    words = _words(topic)
    said = _matches(words, [text for _, text in prompt.said])[-QUOTES:]
    told = _matches(words, prompt.summary)[-QUOTES:]
    lines = [f"You said, {_ago(prompt.said[i][0])}: “{_excerpt(prompt.said[i][1], at)}”" for i, at in said]
    lines += [f"From the summary: “{_excerpt(prompt.summary[i], at)}”" for i, at in told]
    if not lines:
        held = f"{len(prompt.said)} earlier message{'' if len(prompt.said) == 1 else 's'} of yours"
        return f"Nothing in what I was sent mentions “{_excerpt(topic)}”: neither the {held} nor " + (
            "the summary." if prompt.summary else "a summary, for there is none."
        )
    return "\n\n".join(lines)


def _ago(messages: int) -> str:
    return f"{messages} message{'' if messages == 1 else 's'} ago"


def _words(topic: str) -> list[str]:
    words = re.findall(r"[^\W_]+(?:[-'’][^\W_]+)*", topic.casefold())
    words = [re.sub(r"['’]s$", "", word) for word in words]
    return [word for word in words if word not in _SMALL] or words or [topic.casefold()]


def _matches(words: Sequence[str], texts: Sequence[str]) -> list[tuple[int, int]]:
    """Which texts mention most of `words` (index, place of the first hit), in the order of the texts."""
    found: dict[int, list[int]] = {}
    for i, text in enumerate(texts):
        places = [at for word in words if (at := _find(word, text.casefold())) >= 0]
        if 2 * len(places) >= len(words) and places:
            found[i] = places
    best = max((len(places) for places in found.values()), default=0)
    return [(i, min(places)) for i, places in found.items() if len(places) == best]


def _find(word: str, text: str) -> int:
    """Where a word that begins with `word` stands, or -1. Scripts without spaces: anywhere."""
    if any(letter >= "\u2e80" for letter in word):
        return text.find(word)
    stem = word[:-1] if len(word) > 3 and word.endswith("s") else word
    hit = re.search(rf"(?<!\w){re.escape(stem)}", text)
    return hit.start() if hit else -1


def _excerpt(text: str, at: int = 0) -> str:
    text = re.sub(r"\s", " ", text)  # one for one: `at` stays where it was
    start = max(0, at - EXCERPT // 2) if len(text) > EXCERPT else 0
    end = start + EXCERPT
    return ("…" if start else "") + text[start:end].strip() + ("…" if end < len(text) else "")


def _list_topics(prompt: _Prompt) -> str:
    lines = [f"- From the summary: {line}" for line in prompt.summary]
    lines += [f"- {' '.join(text.split()[:8])[:80]}" for _, text in prompt.said]
    if not lines:
        return "Of nothing yet: I was sent no earlier message and no summary."
    return "What I was sent of this conversation, oldest first:\n\n" + "\n".join(lines)


def _about(prompt: _Prompt, messages: Sequence[BaseMessage]) -> str:
    summary = "a summary of what came before" if prompt.summary else "no summary"
    many = f"{len(messages)} message{'' if len(messages) == 1 else 's'}"
    return (
        "I am the demo model, not a real one. "
        f"I was sent {many} ({count_all(messages):,} tokens) and {summary}. "
        "Ask me “what did I say about …?” and I look only there."
    )


def _summarize(messages: Sequence[BaseMessage], room: int | None) -> str:
    """The earlier summary's lines and one for each user message; over `room` tokens the oldest go."""
    lines = _lines([m for m in messages if isinstance(m, SystemMessage)])
    for message in messages:
        if isinstance(message, HumanMessage):
            lines += [_line(said) for said in _said(message.text)]
    lines = list(dict.fromkeys(line for line in lines if line)) or [
        "Nothing but questions about earlier messages."
    ]
    costs = [count_text(f"- {line}\n") for line in lines]
    first = 0
    while room is not None and first < len(lines) - 1 and sum(costs[first:]) > room:
        first += 1
    return "\n".join(f"- {line}" for line in lines[first:])


def _said(text: str) -> list[str]:
    """The user's words in `text`: all of it, or of a transcript the earlier summary and the user's turns."""
    head, _, talk = text.partition("Conversation:\n")
    turns = _SPEAKER.split(talk)[1:]  # speaker, words, speaker, words …
    if not turns:
        return [] if _is_question_of_memory(text) else [text]
    earlier = _lines([HumanMessage(head)])
    spoken = [words for speaker, words in zip(turns[::2], turns[1::2], strict=True) if speaker == "User"]
    return earlier + [words for words in spoken if not _is_question_of_memory(words)]


def _line(text: str) -> str:
    """How the text begins, then the names, numbers and dates of its rest."""
    words = text.split()
    rest = [word for word in words[LINE_WORDS:] if word[0].isupper() or any(c.isdigit() for c in word)]
    line = " ".join(words[:LINE_WORDS]) + (f" … {' '.join(rest[:LINE_WORDS])}" if rest else "")
    return line if len(line) <= EXCERPT else line[:EXCERPT] + "…"


def _cut(text: str, room: int) -> str:
    """As many of the first characters as `room` tokens hold."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count_text(text[:middle]) <= room else (low, middle - 1)
    return text[:low]
