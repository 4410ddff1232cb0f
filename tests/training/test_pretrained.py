"""Pretrained backbones: three spellings of MiT, torchvision's files, their licences, and what is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from rigsight.base.errors import RigsightError
from rigsight.training.checkpoint import CheckpointMeta, TrainingProvenance, load_checkpoint, save_checkpoint
from rigsight.training.models import build
from rigsight.training.models.mit import Mit
from rigsight.training.models.pretrained import BACKBONES, load_backbone
from rigsight.training.weights_file import read_weights

SMALL = {"encoder": "mit_b0", "fusion_channels": 8, "fusion_growth": 4, "fusion_heads": 1, "head_width": 16}


def nvidia(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our names -> NVIDIA's, as test_convert.mit_b0 lists them."""
    table = (
        (r"stages\.(\d)\.patch_embeddings\.layer_norm", r"patch_embed<\1>.norm"),
        (r"stages\.(\d)\.patch_embeddings\.proj", r"patch_embed<\1>.proj"),
        (r"stages\.(\d)\.layer_norm", r"norm<\1>"),
        (r"stages\.(\d)\.blocks\.(\d+)", r"block<\1>.\2"),
        ("layernorm_before", "norm1"),
        ("layernorm_after", "norm2"),
        (r"attention\.q_proj", "attn.q"),
        (r"attention\.o_proj", "attn.proj"),
        (r"attention\.sequence_reduction\.sequence_reduction", "attn.sr"),
        (r"attention\.sequence_reduction\.layer_norm", "attn.norm"),
    )
    found: dict[str, Tensor] = {"head.weight": torch.zeros(1000, 256), "head.bias": torch.zeros(1000)}
    for name, value in weights.items():
        for ours, theirs in table:
            name = re.sub(ours, theirs, name)
        name = re.sub(r"<(\d)>", lambda m: str(int(m[1]) + 1), name)
        if ".attention.k_proj." in name:
            other = weights[name_of_values(name)]
            found[name.replace("attention.k_proj", "attn.kv")] = torch.cat([value, other])
        elif ".attention.v_proj." not in name:
            found[name] = value
    return found


def name_of_values(name: str) -> str:
    stage, block, rest = re.fullmatch(r"block(\d)\.(\d+)\.(.+)", name).groups()  # type: ignore[union-attr]
    return f"stages.{int(stage) - 1}.blocks.{block}.{rest}".replace("k_proj", "v_proj")


def transformers_4(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    table = (
        (r"stages\.(\d)\.patch_embeddings\.", r"patch_embeddings.\1."),
        (r"stages\.(\d)\.layer_norm", r"layer_norm.\1"),
        (r"stages\.(\d)\.blocks\.(\d+)", r"block.\1.\2"),
        ("layernorm_before", "layer_norm_1"),
        ("layernorm_after", "layer_norm_2"),
        (r"attention\.q_proj", "attention.self.query"),
        (r"attention\.k_proj", "attention.self.key"),
        (r"attention\.v_proj", "attention.self.value"),
        (r"attention\.o_proj", "attention.output.dense"),
        (r"attention\.sequence_reduction\.sequence_reduction", "attention.self.sr"),
        (r"attention\.sequence_reduction\.layer_norm", "attention.self.layer_norm"),
        (r"mlp\.fc1", "mlp.dense1"),
        (r"mlp\.fc2", "mlp.dense2"),
    )
    found = {}
    for name, value in weights.items():
        for ours, theirs in table:
            name = re.sub(ours, theirs, name)
        found[f"segformer.encoder.{name}"] = value
    return found


@pytest.fixture(scope="module")
def encoder() -> dict[str, Tensor]:
    torch.manual_seed(4)
    return {name: torch.randn_like(value) for name, value in Mit("mit_b0").state_dict().items()}


@pytest.mark.parametrize("spelling", ["nvidia", "transformers 4", "transformers 5"])
def test_mit_is_read_in_every_spelling(encoder: dict[str, Tensor], spelling: str, tmp_path: Path) -> None:
    spelt = {"nvidia": nvidia, "transformers 4": transformers_4, "transformers 5": dict}[spelling](encoder)
    torch.save(spelt, tmp_path / "mit_b0.pth")
    network = build("segmif", **SMALL, backbone_weights=str(tmp_path / "mit_b0.pth"))
    for name, value in network.encoder.state_dict().items():
        assert torch.equal(value, encoder[name]), name


def test_the_licence_is_printed_and_goes_with_the_weights(
    encoder: dict[str, Tensor], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mit_b0.safetensors"
    save_file(nvidia(encoder), path)
    network = build("segmif", **SMALL, backbone_weights=str(path))
    assert "mit_b0.safetensors. Licence: NVIDIA" in capsys.readouterr().err
    (note,) = network.pretrained
    assert "non-commercial" in note.licence
    meta = CheckpointMeta(
        model="segmif",
        options=network.options.model_dump(),
        width=64,
        height=64,
        training=TrainingProvenance(command="x", tool_version="0", pretrained=network.pretrained),
    )
    save_checkpoint(tmp_path / "model.safetensors", network, meta)
    path.unlink()  # the weights that training started from are not wanted again
    again, found = load_checkpoint(tmp_path / "model.safetensors")
    assert found.training.pretrained == (note,)
    assert again.pretrained == (note,)


def test_weights_of_another_backbone_are_refused_in_one_line(
    encoder: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(nvidia(encoder), path)
    for options, message in (
        ({"encoder": "mit_b1"}, "TRN-104.*is no mit_b1"),
        ({"encoder": "mit_nano"}, "TRN-104.*no pretrained weights of 'mit_nano'"),
        ({"backbone_weights": str(tmp_path / "none.pth")}, "TRN-103.*does not exist"),
    ):
        with pytest.raises(RigsightError, match=message) as caught:
            build("segmif", **{**SMALL, "backbone_weights": str(path), **options})
        assert "\n" not in caught.value.line()
    torch.save({"stages.0.layer_norm.weight": torch.zeros(32)}, path)
    with pytest.raises(RigsightError, match="TRN-104.*is missing, so it is no mit_b0"):
        build("segmif", **SMALL, backbone_weights=str(path))


def test_old_densenet_files_and_parts_that_stay_fresh(tmp_path: Path) -> None:
    """torchvision's published DenseNet files are older than its names."""
    layer = torchvision.models.densenet._DenseLayer(8, 4, 2, 0.0)
    module = nn.Module()
    module.denselayer1, module.extra = layer, nn.Linear(2, 2)
    fresh = module.extra.weight.clone()
    old = {
        re.sub(r"(norm|conv)(\d)", r"\1.\2", f"denselayer1.{name}"): torch.full_like(value, 0.5)
        for name, value in layer.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    assert "denselayer1.norm.1.running_mean" in old
    torch.save({**old, "classifier.bias": torch.zeros(3)}, tmp_path / "densenet201.pth")
    load_backbone(module, "densenet201", str(tmp_path / "densenet201.pth"), fresh=("extra",))
    assert (module.denselayer1.conv2.weight == 0.5).all()
    assert torch.equal(module.extra.weight, fresh)


def test_names_can_be_changed_and_left_out_on_the_way(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Conv2d(3, 64, 3))
    torch.save(
        {"features.0.weight": torch.ones(64, 3, 3, 3), "features.0.bias": torch.ones(64)}, tmp_path / "v.pth"
    )
    load_backbone(
        module,
        "vgg16",
        str(tmp_path / "v.pth"),
        renamed=lambda name: name.removeprefix("features.") if name.endswith("weight") else None,
        fresh=("0.bias",),
    )
    assert (module[0].weight == 1).all()
    assert not (module[0].bias == 1).all()


def test_torchvision_knows_every_address() -> None:
    for name, backbone in BACKBONES.items():
        if not name.startswith("mit_"):
            assert torchvision.models.get_weight(backbone.address).url.startswith("https://")


def test_a_download_without_a_network_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(RigsightError, match="TRN-105: vgg16 .*backbone_weights=FILE") as caught:
        load_backbone(nn.Conv2d(1, 1, 1), "vgg16", "download")
    assert "\n" not in caught.value.line()
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", os.fspath(tmp_path))
    with pytest.raises(RigsightError, match="TRN-105: mit_b0 from nvidia/mit-b0"):
        build("segmif", **SMALL, backbone_weights="download")


def test_weights_inside_of_more_are_found(tmp_path: Path) -> None:
    inner = {"module.a.weight": torch.ones(2), "module.a.bias": torch.zeros(1)}
    torch.save({"epoch": 4, "state_dict": inner, "optimizer": {"lr": 0.1}}, tmp_path / "run.pth")
    assert sorted(read_weights(tmp_path / "run.pth")) == ["a.bias", "a.weight"]
