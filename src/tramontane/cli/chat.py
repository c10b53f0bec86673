"""`tramontane chat`: talk to a running server from a terminal, through its public API alone."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from tramontane.common.errors import ServiceError, SettingsError

if TYPE_CHECKING:
    import httpx
    from rich.console import Console

Message = dict[str, str]
HELP = "Write a question and press Enter. /new starts over, /quit leaves, Ctrl-C stops an answer."
CONNECT_SECONDS = 5.0
# a server sends a comment at least every 10 s
SILENCE_SECONDS = 60.0
# what a model writes must not steer the terminal: no escape sequences, no carriage returns
UNSAFE = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def chat(
    url: Annotated[
        str, typer.Option(help="Address of a running `tramontane serve`.")
    ] = "http://127.0.0.1:8000",
) -> None:
    """Talk to a model. /new starts over, /quit leaves, Ctrl-C stops an answer."""
    from rich.console import Console

    with suppress(ImportError):  # where it exists, input() then knows arrow keys and earlier lines
        import readline  # noqa: F401

    with open_client(url) as client:
        model = first_model(client)
        console = Console(highlight=False, soft_wrap=True)
        console.print(f"{model} at {url}. {HELP}", markup=False)
        talk(client, model, console)


def open_client(url: str) -> "httpx.Client":
    """A client for the server at `url`; raises SettingsError if that is no address."""
    import httpx

    host = urlsplit(url).hostname
    if not url.startswith(("http://", "https://")) or host is None:
        raise SettingsError(f"{url!r} is not an address: write it like http://127.0.0.1:8000.")
    # a proxy of the environment cannot reach this machine
    local = host in ("localhost", "127.0.0.1", "::1")
    timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
    return httpx.Client(base_url=url, timeout=timeout, trust_env=not local)


def first_model(client: "httpx.Client") -> str:
    """The name of the model on offer; raises SettingsError with the remedy if no server answers."""
    import httpx

    try:
        response = client.get("/v1/models")
        response.raise_for_status()
        name: str = response.json()["data"][0]["id"]
    except httpx.TransportError as error:
        raise SettingsError(
            f"No server answers at {client.base_url}: start one with `tramontane serve`, or give its --url."
        ) from error
    except (httpx.HTTPStatusError, ValueError, LookupError, TypeError) as error:
        raise SettingsError(
            f"{client.base_url} is not a Tramontane server: give the --url of one."
        ) from error
    return name


def talk(client: "httpx.Client", model: str, console: "Console") -> None:
    """Ask and answer until /quit or the end of the input."""
    history: list[Message] = []
    while True:
        try:
            console.print()
            question = input("> ").strip()
        except EOFError:
            return
        except KeyboardInterrupt:
            console.print("\n/quit leaves.")
            continue
        match question:
            case "":
                continue
            case "/quit":
                return
            case "/new":
                history = []
                console.print("A new conversation.")
            case _ if question.startswith("/"):
                console.print(HELP)
            case _:
                history = answer(client, model, console, [*history, {"role": "user", "content": question}])


def answer(client: "httpx.Client", model: str, console: "Console", asked: list[Message]) -> list[Message]:
    """Stream the answer to the terminal; return the conversation with it, or if it failed without both."""
    import httpx

    pieces: list[str] = []
    try:
        for piece in stream(client, model, asked):
            pieces.append(piece)
            console.out(piece.translate(UNSAFE), end="")
    except KeyboardInterrupt:
        console.print(" [stopped]", markup=False)
    except (ServiceError, httpx.TransportError) as error:
        console.print(f"\n{error}", markup=False, style="red")
        return asked[:-1]
    console.print()
    return [*asked, {"role": "assistant", "content": "".join(pieces)}]


def stream(client: "httpx.Client", model: str, messages: list[Message]) -> Iterator[str]:
    """The pieces of an answer; closing the iterator stops it. A ServiceError says what the server says."""
    body = {"model": model, "messages": messages, "stream": True}
    with client.stream("POST", "/v1/chat/completions", json=body) as response:
        if response.is_error:
            response.read()
            raise ServiceError(_error_sentence(response.content))
        for data in _event_data(response):
            if data == b"[DONE]":
                return
            chunk: dict[str, Any] = json.loads(data)
            if "error" in chunk:
                raise ServiceError(_error_sentence(data))
            for choice in chunk["choices"]:
                yield choice["delta"].get("content") or ""
    raise ServiceError("The server closed the connection before the answer was complete: ask again.")


def _event_data(response: "httpx.Response") -> Iterator[bytes]:
    """The data of each event. httpx's own lines also end at U+2028 and its like, which JSON may hold."""
    rest = b""
    for piece in response.iter_bytes():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data: "):
                yield line.removeprefix(b"data: ")


def _error_sentence(body: bytes) -> str:
    try:
        sentence: str = json.loads(body)["error"]["message"]
    except (ValueError, LookupError, TypeError):
        return f"The server answered something else than Tramontane would: {body[:200]!r}."
    return sentence
