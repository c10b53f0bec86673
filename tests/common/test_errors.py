import inspect

from tramontane.common import errors
from tramontane.common.errors import InputError, ServiceError, TramontaneError


def test_every_error_is_in_the_tree_with_a_code_of_its_own() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    assert all(issubclass(kind, TramontaneError) for kind in kinds)
    codes = [kind.code for kind in kinds]
    assert len(codes) == len(set(codes))


def test_every_error_is_somebodys() -> None:
    kinds = {kind for _, kind in inspect.getmembers(errors, inspect.isclass)} - {TramontaneError}
    assert all(issubclass(kind, InputError | ServiceError) for kind in kinds)


def test_the_drawn_tree_names_them_all() -> None:
    drawn = inspect.getdoc(errors) or ""
    assert all(name in drawn for name, _ in inspect.getmembers(errors, inspect.isclass))
