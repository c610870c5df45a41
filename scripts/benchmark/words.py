"""What is said in a benchmark: texts as words of a made-up language, as frequent as words are. `Words`.

Every text is another, and the same seed says the same, so that a run can be run again.
"""

import random
from collections import deque
from itertools import accumulate

VOCABULARY = 4_000
QUESTION, ANSWER = 100, 400
"""Characters of one question and of one answer."""

RARE = "quixotry"
"""A word that no text holds until a part puts it there."""

_SYLLABLES = "ka lo mi ren tas vel dor ish nu par sol en wit gra be chu fal on jor ze".split()  # noqa: SIM905


class Words:
    """Texts without end. `prepare` makes them beforehand: a turn that is timed must not wait for one."""

    def __init__(self, seed: int = 7) -> None:
        self._random = random.Random(seed)  # noqa: S311 - not a secret
        self._words = _vocabulary(self._random)
        # Zipf's law as Mandelbrot wrote it: the few first words are a third of all that is said.
        self._weights = list(accumulate(1 / (rank + 2.7) for rank in range(VOCABULARY)))
        self._ready: dict[int, deque[str]] = {QUESTION: deque(), ANSWER: deque()}

    def prepare(self, turns: int) -> None:
        """Have questions and answers ready for as many turns."""
        for size, ready in self._ready.items():
            ready.extend(self._text(size) for _ in range(turns - len(ready)))

    def question(self) -> str:
        """A question nobody asked before."""
        return self._next(QUESTION)

    def answer(self) -> str:
        """An answer nobody gave before."""
        return self._next(ANSWER)

    def talk(self, messages: int) -> list[str]:
        """A conversation from its beginning: question, answer, question, …"""
        return [self.answer() if i % 2 else self.question() for i in range(messages)]

    def _next(self, size: int) -> str:
        ready = self._ready[size]
        return ready.popleft() if ready else self._text(size)

    def _text(self, size: int) -> str:
        words = self._random.choices(self._words, cum_weights=self._weights, k=size // 4)
        text = " ".join(words)
        while len(text) < size:
            text = f"{text} {self._random.choice(self._words)}"
        return f"{text[: size - 1].rstrip().capitalize().ljust(size - 1, 'e')}."


def _vocabulary(source: random.Random) -> list[str]:
    """The words, short ones first: what is said often is short."""
    words: dict[str, None] = {}
    while len(words) < VOCABULARY:
        words["".join(source.choices(_SYLLABLES, k=source.randint(1, 4)))] = None
    return sorted(words, key=len)
