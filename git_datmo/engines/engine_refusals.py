"""Explain what a container engine refused, in a single line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from git_datmo.errors import DatmoError, EngineMissing


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn errors of the engine and its connection into `DatmoError` with a single line."""
    try:
        yield
    except APIError as e:
        raise DatmoError(f"the container engine refused: {reason_of(e)}") from e
    except (DockerException, RequestException) as e:
        raise EngineMissing(
            f"the connection to the container engine was lost: {' '.join(str(e).split())[:300]}",
            "check that it runs, or use '--engine venv', which isolates less",
        ) from e


def reason_of(error: APIError) -> str:
    """Return the engine's message, reduced to the innermost of nested explanations."""
    words = " ".join(str(error.explanation or error).split())
    return words.rsplit("exec: ", 1)[-1][:300]
