"""How a model likes to be sampled: generation_config.json, used where a request says nothing."""

from pathlib import Path
from typing import Annotated

import msgspec

from tramontane.common.errors import ModelFileError

FILE_NAME = "generation_config.json"


class SamplingDefaults(msgspec.Struct, frozen=True):
    """The fields of generation_config.json that every sampler knows, with Hugging Face's names."""

    temperature: Annotated[float, msgspec.Meta(ge=0)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, msgspec.Meta(ge=0)] | None = None
    min_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[float, msgspec.Meta(gt=0)] | None = None
    do_sample: bool | None = None


def read_sampling_defaults(folder: Path) -> SamplingDefaults:
    """The defaults of a model folder; raises ModelFileError naming a field of the wrong kind."""
    path = folder / FILE_NAME
    if not path.is_file():
        return SamplingDefaults()
    try:
        defaults = msgspec.json.decode(path.read_bytes(), type=SamplingDefaults)
    except msgspec.DecodeError as error:
        raise ModelFileError(f"{path} is wrong ({error}): correct the field or remove the file.") from error
    if defaults.do_sample is False:
        return msgspec.structs.replace(defaults, temperature=0.0)
    return defaults
