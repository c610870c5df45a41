"""A model's errors as ours: `translate`. They name the server and what to do, and quote no conversation."""

from urllib.parse import urlsplit

from langchain_core.exceptions import ContextOverflowError

from graph.errors import ModelError, ModelRefused, ModelUnavailable

TRY_AGAIN = frozenset({408, 409, 425, 429})  # statuses below 500 that say "not now" and not "never"


def translate(error: Exception, url: str = "") -> ModelError:  # noqa: PLR0911 - a table
    """`error` of a model's library as ours; names the server (the request's, else of `url`), never text."""
    import openai  # late: half a second, and only a failure needs it

    if isinstance(error, ModelError):
        return error
    # httpx's own errors raise where they have no request; only openai's always have one.
    request = error.request if isinstance(error, openai.APIError) else None
    place = place_of(str(request.url) if request else url)
    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, ContextOverflowError) or _says_too_long(error):
        return ModelRefused(f"{place} finds the prompt too long. Lower LONGTHREAD_TOKEN_BUDGET.")
    if isinstance(error, openai.APIResponseValidationError):
        return _other_protocol(place, error)
    if isinstance(error, openai.APIStatusError):
        return _by_status(place, error.status_code)
    if isinstance(error, (openai.APITimeoutError, TimeoutError)):
        return ModelUnavailable(
            f"{place} did not answer in time. Try again, or raise LONGTHREAD_MODEL_TIMEOUT."
        )
    if isinstance(error, openai.APIConnectionError | OSError) or "TransportError" in names:  # any httpx's
        return ModelUnavailable(f"{place} cannot be reached or hung up. Check OPENAI_BASE_URL, or try again.")
    if isinstance(error, openai.APIError):
        return ModelUnavailable(f"{place} failed in the middle of its answer. Try again.")
    return _other_protocol(place, error)


def _by_status(place: str, status: int) -> ModelError:
    """Each a whole sentence, so that it can be looked up by its text."""
    if status == 429:
        return ModelUnavailable(f"{place} is busy, or your quota is used up (status 429). Try again later.")
    if status >= 500 or status in TRY_AGAIN:
        return ModelUnavailable(f"{place} failed (status {status}). Try again later.")
    advice = {
        401: f"{place} refused the key (status 401). Check OPENAI_API_KEY.",
        403: f"{place} refused access (status 403). Check OPENAI_API_KEY and LONGTHREAD_MODEL.",
        404: (
            f"{place} has no such address or model (status 404). Check OPENAI_BASE_URL and LONGTHREAD_MODEL."
        ),
        413: f"{place} finds the request too large (status 413). Lower LONGTHREAD_TOKEN_BUDGET.",
    }
    other = f"{place} rejected the request (status {status}). Check LONGTHREAD_MODEL and OPENAI_BASE_URL."
    return ModelRefused(advice.get(status, other))


def _other_protocol(place: str, error: Exception) -> ModelRefused:
    kind = type(error).__name__
    return ModelRefused(f"{place} does not speak the OpenAI protocol ({kind}). Check OPENAI_BASE_URL.")


def _says_too_long(error: Exception) -> bool:
    """Servers word it differently; OpenAI's code is `context_length_exceeded`."""
    import openai

    if isinstance(error, openai.APIStatusError) and error.status_code != 400:
        return False
    said = f"{error.code} {error.message}".lower() if isinstance(error, openai.APIError) else ""
    return "context" in said and any(word in said for word in ("length", "window", "exceed"))


def place_of(url: str) -> str:
    """Scheme, host and port: a path or a user part may hold a secret."""
    parts = urlsplit(url)
    if not parts.hostname:
        return "The model's server"
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
