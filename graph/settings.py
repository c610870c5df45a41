"""What can be set from outside: a frozen `Settings`, read once from the environment and passed down."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import SettingsConfigDict

from graph.budget import Budget
from graph.entrance import Entrance
from graph.environment import PREFIX, Optional
from graph.environment import named as _name
from graph.errors import InvalidSettings
from graph.prices import Price, Prices

SYSTEM_PROMPT = (
    "You are a helpful assistant in a long conversation. Answer from what was said in it where you can, "
    "and say so when you do not know."
)


Money = Annotated[Annotated[float, Field(ge=0, allow_inf_nan=False)] | None, Optional]
"""A price for a million tokens, or none."""


class Settings(Entrance):
    """Everything an operator can choose.

    Sources, first wins: arguments, the environment, a `.env` file in the working folder, the defaults here.
    Raises `InvalidSettings` (through `Settings.read`) with one line that names the setting and the fault.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_file=".env", populate_by_name=True)

    database_url: Annotated[SecretStr | None, Optional] = Field(
        None, validation_alias=_name("DATABASE_URL"), description="Postgres of your own; unset: embedded"
    )
    data: Annotated[Path | None, Optional] = Field(
        None,
        validation_alias=_name("LONGTHREAD_DATA"),
        description="folder of the embedded Postgres; unset: the user's data folder",
    )
    openai_api_key: Annotated[SecretStr | None, Optional] = Field(
        None, validation_alias=_name("OPENAI_API_KEY"), description="key of the model's API"
    )
    openai_base_url: Annotated[str | None, Optional] = Field(
        None,
        validation_alias=_name("OPENAI_BASE_URL"),
        description="any OpenAI-compatible URL; unset, with no key either: the demo model",
    )
    graph: Annotated[str | None, Optional] = Field(
        None,
        pattern=r"^[\w.]+:\w+$",
        validation_alias=_name("LONGTHREAD_GRAPH"),
        description="module:function that makes the graph, of settings, models and a saver; unset: ours",
    )
    model: str = Field(
        "gpt-4o-mini", validation_alias=_name("LONGTHREAD_MODEL"), description="model that answers"
    )
    summary_model: Annotated[str | None, Optional] = Field(
        None,
        validation_alias=_name("LONGTHREAD_SUMMARY_MODEL"),
        description="model that summarises; unset: the one that answers",
    )
    fallback_model: Annotated[str | None, Optional] = Field(
        None,
        validation_alias=_name("LONGTHREAD_FALLBACK_MODEL"),
        description="model that is asked when one of those is unavailable; unset: none",
    )
    model_timeout: float = Field(
        60.0,
        gt=0,
        le=3600,
        validation_alias=_name("LONGTHREAD_MODEL_TIMEOUT"),
        description="seconds without a word from the model before it counts as failed",
    )
    model_retries: int = Field(
        2,
        ge=0,
        le=10,
        validation_alias=_name("LONGTHREAD_MODEL_RETRIES"),
        description="times a failed request to the model is tried again",
    )
    multitask_strategy: Literal["enqueue", "reject", "interrupt", "rollback"] = Field(
        "enqueue",
        validation_alias=_name("LONGTHREAD_MULTITASK_STRATEGY"),
        description="what a question does that meets another's turn: enqueue, reject, interrupt or rollback",
    )
    turn_wait: float = Field(
        60.0,
        ge=0,
        le=3600,
        validation_alias=_name("LONGTHREAD_TURN_WAIT"),
        description="seconds that a question waits for the turn before it",
    )
    titles: bool = Field(
        True,
        validation_alias=_name("LONGTHREAD_TITLES"),
        description="whether the summary model gives a new thread its title",
    )
    imports: bool = Field(
        True,
        validation_alias=_name("LONGTHREAD_IMPORTS"),
        description="whether people may make a conversation of a file, whose answers they may have written",
    )
    trash_days: int = Field(
        30,
        ge=1,
        le=36_500,
        validation_alias=_name("LONGTHREAD_TRASH_DAYS"),
        description="days that a thread stays in the trash before it is deleted for good",
    )
    token_budget: int = Field(
        8000,
        ge=200,
        le=10_000_000,
        validation_alias=_name("LONGTHREAD_TOKEN_BUDGET"),
        description="tokens of a prompt and its answer together",
    )
    answer_tokens: Annotated[int | None, Optional] = Field(
        None,
        ge=16,
        validation_alias=_name("LONGTHREAD_ANSWER_TOKENS"),
        description="tokens of the budget kept for the answer; unset: a quarter, at most 1,000",
    )
    system_prompt: str = Field(
        SYSTEM_PROMPT,
        min_length=1,
        validation_alias=_name("LONGTHREAD_SYSTEM_PROMPT"),
        description="what the model is told before every conversation",
    )
    price_in: Money = Field(
        None,
        validation_alias=_name("LONGTHREAD_PRICE_IN"),
        description="money for a million tokens sent to the answering model; unset: unknown",
    )
    price_out: Money = Field(
        None,
        validation_alias=_name("LONGTHREAD_PRICE_OUT"),
        description="money for a million tokens said by the answering model; unset: unknown",
    )
    summary_price_in: Money = Field(
        None,
        validation_alias=_name("LONGTHREAD_SUMMARY_PRICE_IN"),
        description="money for a million tokens sent to the summary model; unset: as the answering one's",
    )
    summary_price_out: Money = Field(
        None,
        validation_alias=_name("LONGTHREAD_SUMMARY_PRICE_OUT"),
        description="money for a million tokens said by the summary model; unset: as the answering one's",
    )
    fallback_price_in: Money = Field(
        None,
        validation_alias=_name("LONGTHREAD_FALLBACK_PRICE_IN"),
        description="money for a million tokens sent to the fallback model; unset: unknown",
    )
    fallback_price_out: Money = Field(
        None,
        validation_alias=_name("LONGTHREAD_FALLBACK_PRICE_OUT"),
        description="money for a million tokens said by the fallback model; unset: unknown",
    )
    currency: str = Field(
        "$",
        min_length=1,
        max_length=8,
        validation_alias=_name("LONGTHREAD_CURRENCY"),
        description="sign or name of the prices' money",
    )

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value and urlsplit(value.get_secret_value()).scheme not in ("postgres", "postgresql"):
            raise ValueError("must begin with postgresql://")
        return value

    @field_validator("openai_base_url")
    @classmethod
    def _http(cls, value: str | None) -> str | None:
        if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
            raise ValueError("must be an http:// or https:// URL")
        return value

    @model_validator(mode="after")
    def _budget_holds_the_system_prompt(self) -> Self:
        self.budget.check(self.system_prompt)
        return self

    @model_validator(mode="after")
    def _prices_come_in_pairs(self) -> Self:
        for name in ("", "summary_", "fallback_"):
            given, missing = f"{name}price_in", f"{name}price_out"
            if (getattr(self, given) is None) != (getattr(self, missing) is None):
                raise ValueError(
                    f"LONGTHREAD_{given.upper()} and LONGTHREAD_{missing.upper()} are set both or neither"
                )
        return self

    @property
    def prices(self) -> Prices:
        """The prices that are set; none for the demo model, which costs nothing."""

        def price(sent: float | None, said: float | None) -> Price | None:
            return None if self.demo or sent is None or said is None else Price(sent, said)

        return Prices(
            price(self.price_in, self.price_out),
            price(self.summary_price_in, self.summary_price_out),
            price(self.fallback_price_in, self.fallback_price_out),
            self.currency,
        )

    @property
    def budget(self) -> Budget:
        """The token budget these settings describe."""
        return Budget(self.token_budget, self.answer_tokens or min(1000, self.token_budget // 4))

    @property
    def demo(self) -> bool:
        """Whether no real model is set, and the demo model answers."""
        return self.openai_api_key is None and self.openai_base_url is None

    @classmethod
    def read(cls, **overrides: Any) -> Self:
        """Settings from the environment, with `overrides` on top. Raises `InvalidSettings`."""
        known = set(_environment_names(cls))
        file = cls.model_config.get("env_file")
        given = {*os.environ, *(dotenv_values(str(file)) if file else ())}
        if unknown := sorted(n for n in given if n.startswith(PREFIX) and n not in known):
            raise InvalidSettings(f"{unknown[0]}: no such setting. Known: {', '.join(sorted(known))}.")
        try:
            return cls(**overrides)
        except ValidationError as e:
            first = e.errors(include_url=False, include_input=False)[0]
            field = str(first["loc"][0]) if first["loc"] else ""
            name = _environment_name(cls, field)
            raise InvalidSettings(f"{name}: {first['msg'].removeprefix('Value error, ')}.") from None


def _environment_name(cls: type[Settings], field: str) -> str:
    for name, info in cls.model_fields.items():
        alias = info.validation_alias
        if isinstance(alias, AliasChoices) and field in (name, *alias.choices):
            return str(alias.choices[-1])
    return f"{PREFIX}TOKEN_BUDGET"  # the only rule that spans several fields


def _environment_names(cls: type[Settings]) -> Iterable[str]:
    return (_environment_name(cls, field) for field in cls.model_fields)


def check_environment() -> int:
    """0 when the environment is in order, else 2 and, on stderr, the line that says what is not."""
    try:
        Settings.read()
    except InvalidSettings as e:
        print(f"longthread: {e}", file=sys.stderr)  # noqa: T201 a command's answer
        return 2
    return 0
