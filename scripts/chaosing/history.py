"""What must hold of what was said in a thread. Pure: it judges what a child has read."""

from collections import Counter
from typing import Any

from scripts.chaosing.verdict import Tally

LOST = "acknowledged lost"
DOUBLED = "question doubled"
SECOND = "second answer"
UNANSWERED = "question unanswered"
FORK = "fork"
ORDER = "out of order"
STUCK = "thread stuck"

LIKE = 50
"""Characters by which an answer is known for its question's: it quotes it, cut at some word."""


def judge(tally: Tally, seen: dict[str, Any], asked: list[str], acked: dict[str, str]) -> None:
    """Hold what was `seen` of a thread against the questions `asked` in this order, and the answers' ids that
    were `acked`, by question: each question once, one answer right after it, nothing beside."""
    said: list[list[str]] = seen["said"]
    count = Counter(text for kind, _, text in said if kind == "question")
    for text in asked:
        tally.must(count[text] <= 1, DOUBLED, [text, said])
        tally.must(count[text] or text not in acked, LOST, [text, said])
    follow(tally, said)
    ids = {id for _, id, _ in said}
    for text, answer in acked.items():
        tally.must(answer in ids, LOST, [text, answer, said])
    tally.must([text for kind, _, text in said if kind == "question"] == asked, ORDER, [asked, said])
    tally.must(seen["rows"] == len(said), SECOND, [f"{seen['rows']} rows", said])
    tally.must(seen["branches"] == 0, FORK, said)


def follow(tally: Tally, said: list[list[str]]) -> None:
    """Each question is followed by its own answer and by one only."""
    question = ""
    for (kind, _, text), after in zip(said, [*said[1:], ["question", "", ""]], strict=False):
        if kind == "question":
            question = text
            tally.must(after[0] == "answer", UNANSWERED, [text, said])
        else:
            tally.must(after[0] == "question", SECOND, [text, said])
            tally.must(text.startswith(f"You wrote: “{question}"[:LIKE]), ORDER, [question, text])
