import time
from typing import Any

import pytest

import tramontane.tokenizer.template as module
from tramontane.common.errors import TokenizerError
from tramontane.tokenizer.template import CHATML, ChatTemplate

MESSAGES = [{"role": "user", "content": " Bonjour \n"}, {"role": "assistant", "content": "Salut"}]


def render(source: str, messages: list[dict[str, Any]] | None = None, **extra: Any) -> str:
    return ChatTemplate(source, {"bos_token": "<s>"}).render(messages or MESSAGES, **extra)


def test_chatml() -> None:
    turns = "<|im_start|>user\nBonjour<|im_end|>\n<|im_start|>assistant\nSalut<|im_end|>\n"
    assert ChatTemplate(CHATML).render(MESSAGES, add_generation_prompt=False) == turns
    assert ChatTemplate(CHATML).render(MESSAGES) == turns + "<|im_start|>assistant\n"


def test_conventions_of_hugging_face() -> None:
    assert render("{{ bos_token }}|{{ eos_token }}|{{ x }}", x=1) == "<s>||1"
    assert render("  {% if true %}\nyes\n  {% endif %}\nend") == "yes\nend"  # trimmed and stripped blocks
    assert render('{{ {"é": "<&>"} | tojson }}{{ [1] | tojson(indent=1) }}') == '{"é": "<&>"}[\n 1\n]'
    assert render("{% for m in messages %}{% break %}{% endfor %}{{ strftime_now('%Y') }}").isdigit()
    assert render("{{ '-' * 3 ~ 2 * 3 }}") == "---6"
    assert render("{% generation %}{{ messages[1].content }}{% endgeneration %}") == "Salut"
    assert render("{% for m in messages %}{{ loop.index }}{% else %}none{% endfor %}") == "12"


def test_same_text_as_transformers() -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    tools = [{"type": "function", "function": {"name": "météo", "parameters": {"a": ["<b>"]}}}]
    source = """
{%- set ns = namespace(n=0) %}
    {%- if tools %}
    {{ tools | tojson(indent=2) }}
{% endif %}
{% for m in messages if m.role != 'system' %}
    {% if loop.first %}{{ bos_token }}{% endif %}
    [{{ m.role | upper }}] {{ m.content | trim }} {% set ns.n = ns.n + 1 %}
{%- endfor %}{{ ns.n }}"""
    (theirs,), _ = render_jinja_template([MESSAGES], tools, chat_template=source, bos_token="<s>")
    assert render(source, add_generation_prompt=False, tools=tools) == theirs


def test_a_refusal_reaches_the_caller_in_its_words() -> None:
    with pytest.raises(TokenizerError, match="roles must alternate"):
        render("{{ raise_exception('roles must alternate') }}")


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ raise_exception.__globals__.module }}",
        "{{ self._TemplateReference__context.environment }}",
        "{{ messages.append(1) }}",
        "{% include 'secret' %}",
        "{{ missing.field }}",
        "{{ 'a' * 10 ** 9 }}",
        "{{ 10 ** 9 * 'a' }}",
        "{{ 9 ** 999999 }}",
        "{{ [[0] * 9] * 9 }}",
    ],
)
def test_a_template_cannot_leave_its_sandbox_nor_fill_memory(source: str) -> None:
    with pytest.raises(TokenizerError, match="cannot render"):
        render(source)


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% set x = 'aaaaaaaaaaaaaaaaaaaa' %}" + "{% for a in x %}" * 9 + "{% endfor %}" * 9,  # calls nothing
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "{% for a in 'aaaaaaaaaa' recursive %}{{ loop('aaaaaaaaaa') if loop.depth < 60 }}{% endfor %}",
    ],
)
def test_a_template_that_does_not_end_is_stopped(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SECONDS", 0.1)
    start = time.monotonic()
    with pytest.raises(TokenizerError, match=r"more than 0\.1 seconds"):
        render(source)
    assert time.monotonic() - start < 30


def test_too_long_an_output_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CHARACTERS", 1000)
    with pytest.raises(TokenizerError, match="more than 1000 characters"):
        render("{% for i in range(200) %}0123456789{% endfor %}")


def test_a_template_that_does_not_compile_or_is_too_long_is_refused() -> None:
    with pytest.raises(TokenizerError, match="does not compile"):
        ChatTemplate("{% if %}")
    with pytest.raises(TokenizerError, match="at most 1048576"):
        ChatTemplate(" " * 1_100_000)
