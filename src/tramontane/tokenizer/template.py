"""Chat templates: Jinja from a model folder, rendered in a sandbox by Hugging Face's conventions.

A template comes with the weights, from whoever made them, so it is not trusted: it can neither reach Python's
internals nor change its input (jinja2's immutable sandbox), and its loops, calls, repetitions and output are
bounded. A single filter call on a large value is not.
Conventions: https://huggingface.co/docs/transformers/chat_templating
"""

import json
import time
from datetime import datetime
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tramontane.common.errors import TokenizerError

# Contents are trimmed: a turn's text then starts right after the header's line feed, where generation starts
# too, and no token can straddle the two.
CHATML = (
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message['role'] + '\n' + (message['content'] | trim) + '<|im_end|>' + '\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
)

MAX_SECONDS = 2.0
MAX_CHARACTERS = 16 * 1024 * 1024
MAX_REPEATED_CHARACTERS = 100_000
MAX_SOURCE_CHARACTERS = 1024 * 1024


class _GenerationTag(Extension):
    """`{% generation %}…{% endgeneration %}` marks the assistant's words for training: no change here."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Sandbox(ImmutableSandboxedEnvironment):
    """The immutable sandbox, with a deadline that every call and every turn of a loop checks."""

    intercepted_binops = frozenset(("*", "**"))

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _GenerationTag])
        self.deadline = float("inf")
        self.filters["tojson"] = _to_json
        self.globals.update(raise_exception=_raise, strftime_now=_now, _tick=self.tick)

    def tick(self) -> None:
        if time.monotonic() > self.deadline:
            raise TemplateError(f"it runs for more than {MAX_SECONDS:g} seconds")

    def call(self, context: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.tick()
        return super().call(context, function, *args, **kwargs)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "**" and not (numbers and abs(right) <= 64):
            raise TemplateError("** takes numbers, and exponents up to 64")
        # repeating lists could nest a huge value into a small one
        if operator == "*" and not numbers and _repeated_size(left, right) > MAX_REPEATED_CHARACTERS:
            raise TemplateError(f"* takes numbers, and text of up to {MAX_REPEATED_CHARACTERS} characters")
        return super().call_binop(context, operator, left, right)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            tick = nodes.Call(nodes.Name("_tick", "load"), [], [], None, None)
            loop.body.insert(0, nodes.ExprStmt(tick).set_lineno(loop.lineno))
        return tree


def _repeated_size(left: Any, right: Any) -> float:
    text, count = (left, right) if isinstance(left, str) else (right, left)
    return len(text) * count if isinstance(text, str) and isinstance(count, int) else float("inf")


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # jinja2's own filter escapes <, > and & for HTML, which no model was trained on
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _raise(message: str) -> None:
    raise TemplateError(message)


def _now(pattern: str) -> str:
    return datetime.now().strftime(pattern)


class ChatTemplate:
    """A compiled chat template with the special tokens that it may name (`bos_token`, `eos_token`, …)."""

    def __init__(self, source: str, special_tokens: dict[str, str] | None = None) -> None:
        """Raise TokenizerError if `source` is not a valid template."""
        self.source = source
        self._special_tokens = special_tokens or {}
        self._environment = _Sandbox()
        if len(source) > MAX_SOURCE_CHARACTERS:
            raise TokenizerError(
                f"The chat template has {len(source)} characters; at most {MAX_SOURCE_CHARACTERS} are read: "
                "use the one that the model was published with."
            )
        try:
            self._template = self._environment.from_string(source)
        except TemplateError as error:
            raise TokenizerError(
                f"The chat template does not compile ({error}): correct it in the model folder."
            ) from error

    def render(self, messages: list[dict[str, Any]], add_generation_prompt: bool = True, **extra: Any) -> str:
        """The conversation as one text, special tokens written out.

        Raise TokenizerError if the template refuses the conversation (it may insist on alternating roles),
        fails on it, or passes the bounds of time and size.
        """
        self._environment.deadline = time.monotonic() + MAX_SECONDS
        values = {**self._special_tokens, **extra}
        pieces: list[str] = []
        size = 0
        try:
            for piece in self._template.generate(
                messages=messages, add_generation_prompt=add_generation_prompt, **values
            ):
                self._environment.tick()
                pieces.append(piece)
                size += len(piece)
                if size > MAX_CHARACTERS:
                    raise TemplateError(f"it writes more than {MAX_CHARACTERS} characters")
        except Exception as error:  # untrusted code: it can fail in any way
            raise TokenizerError(
                f"The chat template cannot render this conversation ({error}): check its messages' "
                "order and fields."
            ) from error
        return "".join(pieces)
