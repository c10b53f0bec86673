"""Request fields that chat and plain completions share, with their bounds."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from tramontane.api.generation import Sampling

MAX_CHOICES = 16
MAX_STOPS = 16
MAX_STOP_CHARACTERS = 256
MAX_SEED = 2**63

# Fields that would change the answer but are not done here: refused unless they hold one of these values,
# which change nothing. Whatever is named neither here nor below is ignored, as OpenAI's clients expect.
REFUSED: dict[str, tuple[Any, ...]] = {
    "audio": (None,),
    "best_of": (None, 1),
    "chat_template": (None,),
    "chat_template_kwargs": (None, {}),
    "echo": (None, False),
    "function_call": (None, "none", "auto"),
    "functions": (None, []),
    "guided_choice": (None,),
    "guided_grammar": (None,),
    "guided_json": (None,),
    "guided_regex": (None,),
    "logit_bias": (None, {}),
    "logprobs": (None, False),
    "modalities": (None, [], ["text"]),
    "prompt_logprobs": (None,),
    "response_format": (None, {"type": "text"}),
    "structured_outputs": (None,),
    "suffix": (None, ""),
    "tool_choice": (None, "none", "auto"),
    "tools": (None, []),
    "top_logprobs": (None, 0),
    "web_search_options": (None,),
}


def unsupported(param: str, what: str | None = None) -> PydanticCustomError:
    """The error for something that OpenAI knows and this server does not do."""
    reason = f"{what or repr(param)} is not supported by this server: leave it out."
    return PydanticCustomError("unsupported_parameter", "{reason}", {"reason": reason, "param": param})


def _same(left: Any, right: Any) -> bool:
    # 0 == False, but `logprobs: 0` asks for something
    return type(left) is type(right) and left == right


def whole_characters(text: str) -> str:
    """JSON can write half a UTF-16 pair (\"\\ud800\"), which no tokenizer takes."""
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise PydanticCustomError("half_character", "the text holds half a character (a lone surrogate)")
    return text


def _stop_list(value: Any) -> Any:
    if value is None:
        return []
    return [value] if isinstance(value, str) else value


Text = Annotated[str, AfterValidator(whole_characters)]
StopString = Annotated[str, Field(min_length=1, max_length=MAX_STOP_CHARACTERS)]
Stops = Annotated[
    list[StopString],
    BeforeValidator(_stop_list, json_schema_input_type=str | list[str] | None),
    Field(max_length=MAX_STOPS),
]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Penalty = Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)]


class StreamOptions(BaseModel):
    include_usage: bool | None = None


class SamplingFields(BaseModel):
    """What to sample and how much; numbers are not taken from strings."""

    model_config = ConfigDict(strict=True, extra="ignore")

    model: str | None = Field(None, max_length=256)
    max_tokens: int | None = Field(None, ge=1)
    n: int | None = Field(None, ge=1, le=MAX_CHOICES)
    stop: Stops = []
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    seed: int | None = Field(None, ge=-MAX_SEED, lt=MAX_SEED)
    # not OpenAI's, but known by the names that vLLM and llama.cpp gave them
    top_k: int | None = Field(None, ge=-1)
    min_p: Probability | None = None
    repetition_penalty: float | None = Field(None, gt=0, le=10, allow_inf_nan=False)
    ignore_eos: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for name, neutral in REFUSED.items():
                if name in data and not any(_same(data[name], value) for value in neutral):
                    raise unsupported(name)
        return data

    @property
    def include_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    def samplings(self) -> list[Sampling]:
        """How to sample each of the `n` answers; a seed is counted up, or they would all be the same."""
        return [self._sampling(choice) for choice in range(self.n or 1)]

    def _sampling(self, choice: int) -> Sampling:
        return Sampling(
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=None if self.top_k is None else max(self.top_k, 0),
            min_p=self.min_p,
            repetition_penalty=self.repetition_penalty,
            presence_penalty=self.presence_penalty or 0.0,
            frequency_penalty=self.frequency_penalty or 0.0,
            seed=None if self.seed is None else (self.seed + choice) % MAX_SEED,
            ignore_eos=bool(self.ignore_eos),
        )
