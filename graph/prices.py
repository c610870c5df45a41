"""What tokens cost: a `Price`, and the `Prices` of those who are asked. Pure.

Prices are what the operator says they are. One that was not said is unknown, and so is what it would make.
"""

from dataclasses import dataclass
from typing import Literal

Asked = Literal["answer", "summary", "fallback"]
"""Who is asked: the model that answers, the one that summarises, the one that stands in for either."""

MILLION = 1_000_000


@dataclass(frozen=True)
class Price:
    """Money for a million tokens sent to a model, and for a million that it says."""

    sent: float
    said: float


@dataclass(frozen=True)
class Prices:
    """The prices that are known, in one `currency`: a sign or a name."""

    answer: Price | None = None
    summary: Price | None = None
    fallback: Price | None = None
    currency: str = "$"

    @property
    def known(self) -> bool:
        """Whether there is any price: if not, nothing is said of money."""
        return bool(self.answer or self.summary or self.fallback)

    def of(self, asked: str) -> Price | None:
        """The price of who is asked; a summary costs what an answer does unless it has a price of its own."""
        if asked == "fallback":
            return self.fallback
        return (self.summary or self.answer) if asked == "summary" else self.answer

    def cost(self, asked: str, sent: int, said: int) -> float | None:
        """Money for these tokens; None where the price is not known."""
        price = self.of(asked)
        return None if price is None else (sent * price.sent + said * price.said) / MILLION
