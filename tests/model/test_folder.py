"""Model folders: round trips, sharding, and one clear sentence for every way to be broken."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor

from tramontane.common.errors import ModelFileError
from tramontane.model.attention import CausalAttention
from tramontane.model.decoder import Decoder
from tramontane.model.folder import load_model, read_config, save_model
from tramontane.model.headers import INDEX, SINGLE, stored_tensors

GATE = "model.layers.0.mlp.gate_proj.weight"


def logits(decoder: Decoder, ids: Tensor) -> Tensor:
    return decoder.logits(decoder(ids, torch.arange(ids.shape[-1]).expand(ids.shape), CausalAttention()))


@pytest.fixture
def folder(oracle_folder: Path, tmp_path: Path) -> Path:
    """A good folder that a test may break."""
    return shutil.copytree(oracle_folder, tmp_path / "model")


def edit_weights(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = load_file(folder / SINGLE)
    change(tensors)
    save_file(tensors, folder / SINGLE)


def edit_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def refusal(folder: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        load_model(folder)
    return str(caught.value)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("shard_bytes", [10**9, 20_000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_round_trip_is_exact(
    tied: bool, shard_bytes: int, dtype: torch.dtype, tiny_decoder: Callable[..., Decoder], tmp_path: Path
) -> None:
    decoder = tiny_decoder(tie_embeddings=tied, eos_token_ids=(3, 4))
    save_model(decoder, tmp_path, dtype, shard_bytes)
    assert (len(list(tmp_path.glob("*.safetensors"))) > 1) == (shard_bytes == 20_000)
    loaded = load_model(tmp_path)
    assert loaded.config == decoder.config == read_config(tmp_path)
    assert not loaded.training
    for name, tensor in decoder.state_dict().items():
        found = loaded.state_dict()[name]
        assert found.dtype == dtype
        assert not found.requires_grad
        assert torch.equal(found, tensor.to(dtype)), name


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tie_embeddings": True, "windows": (None, 7)},
        {"family": "llama", "qk_norm": False, "mlp_bias": True},
        {"family": "qwen2", "qk_norm": False, "qkv_bias": True},
        {"family": "mistral", "qk_norm": False, "windows": (7, 7)},
    ],
)
@pytest.mark.parametrize("shard_bytes", [10**9, 20_000])
def test_transformers_loads_what_is_saved(
    changes: dict[str, Any],
    shard_bytes: int,
    tiny_decoder: Callable[..., Decoder],
    some_ids: Tensor,
    tmp_path: Path,
) -> None:
    decoder = tiny_decoder(**changes)
    save_model(decoder, tmp_path, torch.float32, shard_bytes)
    theirs, report = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values()), report
    assert theirs.dtype == torch.float32
    positions = torch.arange(some_ids.shape[-1]).expand(some_ids.shape)
    with torch.no_grad():
        ours = decoder.logits(decoder(some_ids, positions, CausalAttention(decoder.config.windows)))
        torch.testing.assert_close(ours, theirs(some_ids).logits, rtol=0, atol=1e-4)


def test_transformers_shards_load(oracle: Any, some_ids: Tensor, tmp_path: Path) -> None:
    oracle.save_pretrained(tmp_path, max_shard_size=20_000)
    assert (tmp_path / INDEX).is_file()
    with torch.no_grad():
        expected = oracle(some_ids).logits
    torch.testing.assert_close(logits(load_model(tmp_path), some_ids), expected, rtol=0, atol=1e-4)


def test_an_old_transformers_config_loads_alike(folder: Path, some_ids: Tensor) -> None:
    before = logits(load_model(folder), some_ids)

    def age(config: dict[str, Any]) -> None:
        config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]
        config["torch_dtype"] = config.pop("dtype")

    edit_json(folder / "config.json", age)
    assert torch.equal(logits(load_model(folder), some_ids), before)


def test_saving_again_leaves_no_stale_weights(tiny_decoder: Callable[..., Decoder], tmp_path: Path) -> None:
    for shard_bytes in (20_000, 10**9, 30_000, 20_000):
        decoder = tiny_decoder()
        save_model(decoder, tmp_path, torch.float32, shard_bytes)
        files = {tensor.file.name for tensor in stored_tensors(tmp_path).values()}
        assert files == {path.name for path in tmp_path.glob("*.safetensors")}
        assert (tmp_path / INDEX).exists() == (len(files) > 1)
        assert torch.equal(load_model(tmp_path).lm_head.weight, decoder.lm_head.weight)


def test_a_model_can_be_saved_over_the_folder_it_was_loaded_from(folder: Path, some_ids: Tensor) -> None:
    decoder = load_model(folder)  # its weights are mapped from the file
    before = logits(decoder, some_ids)
    save_model(decoder, folder, torch.float32)
    assert torch.equal(logits(decoder, some_ids), before)
    assert torch.equal(logits(load_model(folder), some_ids), before)


def test_the_type_is_that_asked_for_else_that_of_the_embedding(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors.update({GATE: tensors[GATE].half()}))
    assert {p.dtype for p in load_model(folder).parameters()} == {torch.float32}
    assert {p.dtype for p in load_model(folder, torch.bfloat16).parameters()} == {torch.bfloat16}


def test_weights_are_mapped_not_copied(folder: Path) -> None:
    pages = Path("/proc/self/maps")
    if not pages.exists():
        pytest.skip("needs Linux's /proc")
    decoder = load_model(folder)
    assert str(folder / SINGLE) in pages.read_text()
    del decoder
    assert str(folder / SINGLE) not in pages.read_text()


def test_spare_tensors_are_passed_over(
    make_oracle: Callable[..., Any], some_ids: Tensor, tmp_path: Path
) -> None:
    tied = make_oracle("llama", tie_word_embeddings=True)
    tied.save_pretrained(tmp_path)

    def add(tensors: dict[str, Tensor]) -> None:
        tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(4)
        tensors["lm_head.weight"] = torch.zeros(61, 32)

    edit_weights(tmp_path, add)
    with torch.no_grad():
        expected = tied(some_ids).logits
    torch.testing.assert_close(logits(load_model(tmp_path), some_ids), expected, rtol=0, atol=1e-4)


def test_missing_tensors(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors.pop(GATE))
    assert refusal(folder) == f"The weights lack {GATE}: fetch the model folder again."
    edit_weights(folder, lambda tensors: (tensors.pop("lm_head.weight"), tensors.pop("model.norm.weight")))
    assert " and 2 more: fetch" in refusal(folder)


def test_missing_embedding(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors.pop("model.embed_tokens.weight"))
    assert refusal(folder) == "The weights lack model.embed_tokens.weight: fetch the model folder again."


def test_unexpected_tensor(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors.update({"model.score.weight": torch.ones(2)}))
    assert refusal(folder).startswith(
        "model.safetensors holds model.score.weight, for which config.json has no place: use a folder whose"
    )


def test_wrong_shape(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors.update({GATE: torch.ones(47, 32)}))
    assert refusal(folder).startswith(
        f"{GATE} has the shape 47×32 in model.safetensors, but config.json asks for 48×32: use a folder"
    )


def test_quantised_tensor(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors.update({GATE: torch.ones(48, 32, dtype=torch.int8)}))
    assert (
        refusal(folder)
        == f"{GATE} is stored as I8, which is not read: use a folder in one of F32, BF16, F16."
    )


def test_pickle_is_refused(folder: Path) -> None:
    (folder / SINGLE).rename(folder / "pytorch_model.bin")
    message = refusal(folder)
    assert (
        "has its weights as pickle only (pytorch_model.bin), which can run code and is never read" in message
    )
    assert "use a folder in safetensors form" in message


def test_no_weights(folder: Path) -> None:
    (folder / SINGLE).unlink()
    assert f"has neither {SINGLE} nor {INDEX}: give a complete Hugging Face model folder." in refusal(folder)


@pytest.fixture
def sharded(oracle: Any, tmp_path: Path) -> Path:
    oracle.save_pretrained(tmp_path / "sharded", max_shard_size=20_000)
    return tmp_path / "sharded"


def test_shard_missing(sharded: Path) -> None:
    victim = sorted(sharded.glob("*.safetensors"))[1]
    victim.unlink()
    assert f"lacks the shard {victim.name} that {INDEX} names: fetch it too." in refusal(sharded)


def test_tensor_missing_from_its_shard(sharded: Path) -> None:
    first = sorted(sharded.glob("*.safetensors"))[0].name
    edit_json(sharded / INDEX, lambda index: index["weight_map"].update({"model.norm.weight": first}))
    assert refusal(sharded).startswith(f"model.norm.weight is not in {first}, where {INDEX} has it")


@pytest.mark.parametrize(
    "name",
    ["../model.safetensors", "/etc/x.safetensors", "a/b.safetensors", "..\\x.safetensors", "x.bin", ""],
)
def test_index_cannot_name_other_files(sharded: Path, name: str) -> None:
    edit_json(sharded / INDEX, lambda index: index["weight_map"].update({GATE: name}))
    assert refusal(sharded).startswith(f"{INDEX} names the shard {name!r}: it must be")


def test_torn_index(sharded: Path) -> None:
    for torn in (b"{", b"{}", b'{"weight_map": {"a": 1}}', b"\x80", b"[" * 10**6):
        (sharded / INDEX).write_bytes(torn)
        assert refusal(sharded).startswith(f"{sharded / INDEX} is broken (")


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_torn_file_never_loads(data: st.DataObject, oracle_folder: Path, tmp_path: Path) -> None:
    whole = (oracle_folder / SINGLE).read_bytes()
    shutil.copy(oracle_folder / "config.json", tmp_path)
    (tmp_path / SINGLE).write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert "torn" in refusal(tmp_path)


@given(data=st.data())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_spoilt_header_is_refused_or_harmless(
    data: st.DataObject, oracle_folder: Path, tmp_path: Path
) -> None:
    spoilt = bytearray((oracle_folder / SINGLE).read_bytes())
    length = int.from_bytes(spoilt[:8], "little")
    shutil.copy(oracle_folder / "config.json", tmp_path)
    for _ in range(data.draw(st.integers(1, 3))):
        spoilt[data.draw(st.integers(0, 8 + length - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / SINGLE).write_bytes(spoilt)
    try:
        load_model(tmp_path)
    except ModelFileError as error:
        assert str(error).endswith(".")  # either outcome is right; another exception is not


def test_a_failed_save_leaves_the_old_file(
    tiny_decoder: Callable[..., Decoder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = tiny_decoder()
    save_model(decoder, tmp_path, torch.float32)
    before = (tmp_path / SINGLE).read_bytes()

    def fail(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr("tramontane.model.folder.save_file", fail)
    with pytest.raises(OSError, match="No space"):
        save_model(decoder, tmp_path)
    assert (tmp_path / SINGLE).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", SINGLE]
