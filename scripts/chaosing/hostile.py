"""Inputs that nobody means well: generated, through every entry, by a person and not by an operator."""

import string
from random import Random
from typing import Any, cast

from langchain_core.messages import convert_to_messages

from scripts.chaosing.hands import Child, Gone, Reply
from scripts.chaosing.stage import Stage
from scripts.chaosing.verdict import Tally, Verdict

MUST = "0 crashes, typed errors only, accepted text byte-identical"
FULL, QUICK = 10_000, 300
ENTRIES = ("ainvoke", "astream", "aupdate_state", "start")
DRIVER = "error of a driver or of Python"
CHANGED = "text changed"
CRASH = "crash"
SPOKEN = "spoke for others"
THEIRS = ("InvalidUpdateError", "GraphRecursionError", "EmptyInputError", "ValueError")
"""LangGraph's own, where it raises them itself: it says no so to an update that it cannot make."""

LETTERS = (
    string.ascii_letters
    + " \n\t\r'\"\\%${}<>&;-"
    + "éßñ€漢字العربية\u200b\u202e\u0301\ufeff\U0001f600\U0001f468\u200d\x01\x7f"
)
BAD = ("\0", "\ud800", "\udfff", "a\0b", "x\ud83dy")
KEYS = ("checkpoint_ns", "request_id", "multitask_strategy", "user_id", "thread_ts", "checkpoint_map", "x\0")


async def run(stage: Stage, trials: int) -> Verdict:
    """The inputs, in threads of their own; then some with the door open."""
    tally, control = Tally(), Tally()
    await _Inputs(stage, tally, await stage.child(turn_wait=2)).run("hostile", trials)
    open_door = await stage.child({"no_door": {}}, turn_wait=2)
    await _Inputs(stage, control, open_door).run("hostile, control", 120)
    return Verdict("hostile", MUST, tally, control, (SPOKEN,))


class _Inputs:
    """Trials by one process, which has to live through all of them."""

    def __init__(self, stage: Stage, tally: Tally, child: Child) -> None:
        self.stage, self.tally, self.child = stage, tally, child

    async def run(self, row: str, trials: int) -> None:
        """All trials; the process answers after them as before."""
        try:
            await self.stage.each(row, trials, self._trial, 4)
            reply = await self.child.turn(self.stage.thread("hostile"), "Still there?")
            self.tally.must("answer" in reply, "does not answer any more", reply)
            await self.child.kill()
        except* Gone:
            self.tally.must(False, CRASH)

    async def _trial(self, n: int) -> None:
        self.tally.trials += 1
        dice = self.stage.random("hostile", n)
        thread, entry = self.stage.thread("hostile"), dice.choice(ENTRIES)
        values = _text(dice) if entry == "start" else _values(dice)
        where: dict[str, Any] = {"thread_id": thread}
        if entry != "start" and dice.random() < 0.3:
            where |= {dice.choice(KEYS): _anything(dice, 2)}
        reply = await self.child.ask("call", entry=entry, values=values, config={"configurable": where})
        self._judge(entry, values, where, reply)
        if "error" not in reply and set(where) == {"thread_id"}:
            await self._kept(entry, thread, values)

    def _judge(self, entry: str, values: Any, where: dict[str, Any], reply: Reply) -> None:
        told = reply.get("error")
        self.tally.note("refused" if told else "accepted")
        theirs = told in THEIRS and reply.get("raised", "").startswith("langgraph.")
        what = [entry, str(values)[:120].encode(errors="backslashreplace"), where, reply]
        self.tally.must(not told or reply["ours"] or theirs, DRIVER, what)

    async def _kept(self, entry: str, thread: str, values: Any) -> None:
        """What was taken is there, to the letter, and only as what a person may say."""
        if entry == "aupdate_state" or values is None:
            return  # a program's own call, which may say anything; nothing was said
        seen = await self.stage.look(thread)
        if not self.tally.must("said" in seen, "cannot be read", [entry, str(values)[:200], seen]):
            return
        said = seen["said"]
        sent = [values] if entry == "start" else _texts(values["messages"])
        there = [text for kind, _, text in said if kind == "question"]
        self.tally.must(there == sent, CHANGED, [entry, sent, there])
        answers = sum(kind == "answer" for kind, _, _ in said)
        self.tally.must(answers == 1, SPOKEN, [entry, said])


def _texts(messages: Any) -> list[str]:
    """What LangChain takes them to say."""
    many = cast("list[Any]", messages) if isinstance(messages, list) else [messages]
    return [message.text for message in convert_to_messages(many)]


def _values(dice: Random) -> Any:
    """An input of the graph: mostly messages."""
    match dice.randrange(10):
        case 0:
            return _anything(dice, 3)
        case 1:
            return {"messages": _anything(dice, 3)}
        case 2:
            return {
                "messages": [_message(dice)],
                dice.choice(("summary", "x", "messages_")): _anything(dice, 2),
            }
        case _:
            return {"messages": [_message(dice) for _ in range(dice.choice((1, 1, 1, 2, 3)))]}


def _message(dice: Random) -> Any:
    """A message, with something about it that a person may not say, perhaps."""
    text = _text(dice)
    message: dict[str, Any] = {"role": "user", "content": text}
    match dice.randrange(8):
        case 0:
            message["role"] = dice.choice(
                ("system", "assistant", "tool", "developer", "function", _text(dice))
            )
        case 1:
            return {"type": "remove", "id": dice.choice(("__remove_all__", "a", "")), "content": ""}
        case 2:
            message["id"] = dice.choice(("same", "", " ", "a\0b", "\ud800", "x" * 300, 7, None, []))
        case 3:
            message["content"] = _anything(dice, 3)
        case 4:
            message["content"] = [{"type": "text", "text": text}]
        case 5:
            message[dice.choice(("name", "additional_kwargs", "tool_calls", "response_metadata"))] = (
                _anything(dice, 2)
            )
        case _:
            pass
    return message


def _text(dice: Random) -> str:
    """A text; some blank, some huge, some that cannot be kept."""
    match dice.randrange(12):
        case 0:
            return dice.choice(("", " ", "\n\t"))
        case 1:
            return "".join(dice.choices(LETTERS, k=20)) + dice.choice(BAD)
        case 2:
            return dice.choice(("word ", "漢", "\U0001f600")) * dice.choice((2_000, 30_000, 300_000))
        case _:
            return "".join(dice.choices(LETTERS, k=dice.randint(1, 80)))


def _anything(dice: Random, depth: int) -> Any:
    """What JSON can say."""
    kind = dice.randrange(9 if depth else 7)
    if kind == 7:
        return [_anything(dice, depth - 1) for _ in range(dice.randint(1, 3))]
    if kind == 8:
        return {_text(dice)[:50]: _anything(dice, depth - 1) for _ in range(dice.randint(1, 3))}
    number: float = dice.choice((True, False, 0, -1, 1 << 70, 1e308, float("nan")))
    deep = _deep(dice.choice((5, 200)))
    flat: tuple[Any, ...] = (None, number, dice.choice(BAD), [], {}, deep, _text(dice))
    return flat[kind]


def _deep(levels: int) -> Any:
    found: Any = "deep"
    for _ in range(levels):
        found = [found]
    return found
