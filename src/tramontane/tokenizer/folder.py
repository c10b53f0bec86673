"""A tokenizer's files in a model folder, as Hugging Face lays them out."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Backend

from tramontane.common.errors import TokenizerError
from tramontane.common.files import write_text_atomic

TOKEN_FIELDS = ("bos_token", "eos_token", "pad_token", "unk_token")


@dataclass(frozen=True)
class TokenizerFiles:
    """The backend, the template's source, the named special tokens, the ids that end an answer."""

    backend: Backend
    template: str | None = None
    named_tokens: dict[str, str] = field(default_factory=dict)
    eos_ids: tuple[int, ...] = ()


def read_tokenizer_folder(folder: Path) -> TokenizerFiles:
    """Read tokenizer.json and, where they are, the template and the configs beside it.

    Raise TokenizerError if tokenizer.json is missing or any of the files is damaged.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise TokenizerError(f"{folder} has no tokenizer.json: give a folder in Hugging Face's format.")
    try:
        backend = Backend.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise TokenizerError(
            f"{path} is damaged ({error}): copy it again from where the model came."
        ) from error
    config = _read_json(folder / "tokenizer_config.json")
    named = {name: _content(config[name]) for name in TOKEN_FIELDS if config.get(name)}
    return TokenizerFiles(backend, _template(folder, config), named, _eos_ids(folder, backend, named))


def write_tokenizer_folder(folder: Path, files: TokenizerFiles) -> None:
    """Write what `read_tokenizer_folder` and transformers read back."""
    folder.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "bos_token": None,
        "unk_token": None,
        **files.named_tokens,
    }
    if files.template is not None:
        config["chat_template"] = files.template
    generation = _read_json(folder / "generation_config.json") | {"eos_token_id": list(files.eos_ids)}
    write_text_atomic(folder / "tokenizer.json", tokenizer_json(files.backend))
    write_text_atomic(folder / "tokenizer_config.json", _to_text(config))
    write_text_atomic(folder / "generation_config.json", _to_text(generation))


def tokenizer_json(backend: Backend) -> str:
    """The text of tokenizer.json."""
    text: str = backend.to_str(pretty=True)
    return text


def _to_text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TokenizerError(f"{path} is not JSON ({error}): correct it or copy it again.") from error
    if not isinstance(value, dict):
        raise TokenizerError(f"{path} holds a {type(value).__name__}, not an object: copy it again.")
    return value


def _content(token: str | dict[str, Any]) -> str:
    # older configs write a token as the fields of an AddedToken
    return token if isinstance(token, str) else str(token["content"])


def _template(folder: Path, config: dict[str, Any]) -> str | None:
    path = folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    template = config.get("chat_template")
    if isinstance(template, list):  # several, by name
        template = {entry["name"]: entry["template"] for entry in template}.get("default")
    return template


def _eos_ids(folder: Path, backend: Backend, named: dict[str, str]) -> tuple[int, ...]:
    """The first that says so: generation_config.json, config.json, the tokenizer's own eos_token."""
    for name in ("generation_config.json", "config.json"):
        ids = _read_json(folder / name).get("eos_token_id")
        if ids is not None:
            return tuple(ids) if isinstance(ids, list) else (int(ids),)
    token = backend.token_to_id(named["eos_token"]) if "eos_token" in named else None
    return () if token is None else (token,)
