"""Every error that Tramontane raises on purpose, as one tree.

TramontaneError
├── InputError               the caller's mistake: value and remedy; exit code 2, HTTP 400
│   ├── SettingsError        a flag, a setting, a recipe
│   ├── CorpusError          a source file or its declaration
│   ├── TokenizerError       a tokenizer's files or a chat template
│   ├── ModelFileError       a model folder: missing, torn, unsupported
│   ├── CheckpointError      a training checkpoint
│   ├── RequestError         a request's field, named by `param`
│   │   ├── ContextLengthError   the prompt and its answer cannot fit
│   │   └── ModelNotFoundError   no such model here; HTTP 404
│   └── DeviceError          what this machine lacks
└── ServiceError             not the caller's mistake: try again
    ├── QueueFullError       too many requests wait; HTTP 429
    ├── EngineDiedError      the engine process ended and could not be brought back; HTTP 503
    └── DrainingError        the server is shutting down; HTTP 503

A message is one sentence that names the value and the remedy. Our own mistakes are asserts.
"""


class TramontaneError(Exception):
    """Root of the tree. `code` is the stable word that APIs report."""

    code = "error"


class InputError(TramontaneError):
    """The caller's mistake."""

    code = "invalid_input"


class SettingsError(InputError):
    code = "invalid_settings"


class CorpusError(InputError):
    code = "invalid_corpus"


class TokenizerError(InputError):
    code = "invalid_tokenizer"


class ModelFileError(InputError):
    code = "invalid_model_file"


class CheckpointError(InputError):
    code = "invalid_checkpoint"


class DeviceError(InputError):
    code = "device_unavailable"


class RequestError(InputError):
    """A request's field is wrong; `param` is its name in the dialect."""

    code = "invalid_request"

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class ContextLengthError(RequestError):
    code = "context_length_exceeded"


class ModelNotFoundError(RequestError):
    code = "model_not_found"


class ServiceError(TramontaneError):
    """Not the caller's mistake: the same call may go through later."""

    code = "service_unavailable"


class QueueFullError(ServiceError):
    code = "queue_full"


class EngineDiedError(ServiceError):
    code = "engine_died"


class DrainingError(ServiceError):
    code = "draining"
