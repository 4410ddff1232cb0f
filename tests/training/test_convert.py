"""Published names -> ours: every name and shape of the published networks, dead weights, wrong files.

The state dicts are synthetic: names and shapes as in the repositories' code, values random.
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.training.checkpoint import load_checkpoint
from rigsight.training.convert.convert import ORIGINS, convert
from rigsight.training.models import build

Shapes = dict[str, tuple[int, ...]]


def layer(name: str, outputs: int, inputs: int, *kernel: int, bias: bool = True) -> Shapes:
    found: Shapes = {f"{name}.weight": (outputs, inputs, *kernel)}
    return {**found, f"{name}.bias": (outputs,)} if bias else found


def norm(name: str, channels: int, running: bool = True) -> Shapes:
    kinds = ("weight", "bias", "running_mean", "running_var") if running else ("weight", "bias")
    found: Shapes = {f"{name}.{kind}": (channels,) for kind in kinds}
    return {**found, f"{name}.num_batches_tracked": ()} if running else found


def conv_bn(name: str, outputs: int, inputs: int) -> Shapes:
    return {**layer(f"{name}.conv", outputs, inputs, 3, 3), **norm(f"{name}.bn", outputs)}


def mfnet(classes: int = 9) -> Shapes:
    found: Shapes = {}
    for stream, first, widths in (("rgb", 3, (16, 48, 48, 96, 96)), ("inf", 1, (16, 16, 16, 36, 36))):
        a, b, c, d, e = widths
        for name, outputs, inputs in (
            ("conv1", a, first),
            ("conv2_1", b, a),
            ("conv2_2", b, b),
            ("conv3_1", c, b),
            ("conv3_2", c, c),
        ):
            found |= conv_bn(f"{name}_{stream}", outputs, inputs)
        for block, outputs, inputs in (("conv4", d, c), ("conv5", e, d)):
            for step in (1, 2, 3):
                for side in ("left", "right"):
                    name = f"{block}_{stream}.conv{step}_{side}"
                    found |= conv_bn(name, outputs // 2, inputs if step == 1 else outputs)
    for i, outputs, inputs in ((4, 64, 132), (3, 64, 64), (2, 32, 64), (1, classes, 32)):
        found |= conv_bn(f"decode{i}", outputs, inputs)
    return found


def mit_b0(prefix: str) -> Shapes:
    """NVIDIA's names: stages from 1, key and value joint, a reduction in all stages but the last."""
    found: Shapes = {}
    widths, reductions = (32, 64, 160, 256), (8, 4, 2, 1)
    for i, (c, r) in enumerate(zip(widths, reductions, strict=True), start=1):
        before, k = (3, 7) if i == 1 else (widths[i - 2], 3)
        found |= layer(f"patch_embed{i}.proj", c, before, k, k) | norm(f"patch_embed{i}.norm", c, False)
        for j in range(2):
            block = f"block{i}.{j}"
            found |= norm(f"{block}.norm1", c, False) | norm(f"{block}.norm2", c, False)
            found |= layer(f"{block}.attn.q", c, c) | layer(f"{block}.attn.kv", 2 * c, c)
            found |= layer(f"{block}.attn.proj", c, c)
            if r > 1:
                found |= layer(f"{block}.attn.sr", c, c, r, r) | norm(f"{block}.attn.norm", c, False)
            found |= layer(f"{block}.mlp.fc1", 4 * c, c) | layer(f"{block}.mlp.fc2", c, 4 * c)
            found |= layer(f"{block}.mlp.dwconv.dwconv", 4 * c, 1, 3, 3)
        found |= norm(f"norm{i}", c, False)
    return {f"{prefix}{name}": shape for name, shape in found.items()}


def segmif_segmentation(classes: int = 9) -> Shapes:
    head = "denoise_net.decoder"
    found = mit_b0("denoise_net.encoder.")
    for i, width in enumerate((32, 64, 160, 256), start=1):
        found |= layer(f"{head}.linear_c{i}.proj", 256, width)
    found |= layer(f"{head}.linear_fuse.conv", 256, 1024, 1, 1, bias=False)
    found |= norm(f"{head}.linear_fuse.bn", 256) | layer(f"{head}.linear_pred", classes, 256, 1, 1)
    return found | layer("denoise_net.classifier", classes, 256, 1, 1, bias=False)


def segmif_fusion(semantic: tuple[int, int] = (32, 64)) -> Shapes:
    found = layer("conv1_ir", 64, 1, 3, 3) | layer("conv1_vis", 64, 1, 3, 3) | {"relu.weight": (1,)}
    for i in (1, 2, 3, 4):
        for j in range(5):
            found |= layer(f"DRDB{i}.Dcov{j + 1}", 32, 64 + 32 * j, 3, 3)
        found |= layer(f"DRDB{i}.conv", 64, 224, 1, 1)
    found |= layer("conv2", 64, 128, 3, 3) | layer("conv21", 32, 64, 3, 3) | layer("conv22", 1, 32, 3, 3)
    found |= layer("conv3", 64, semantic[0], 1, 1) | layer("conv4", 64, semantic[1], 1, 1)
    for module in ("ffm", "ffm2"):  # the second one is never called
        cross = f"{module}.cross"
        for i in (1, 2, 3):
            found |= layer(f"{cross}.channel_proj{i}", 128, 64)
        for name in ("cross_attn.kv3", "cross_attn2.kv1", "cross_attn2.kv2"):
            found |= layer(f"{cross}.{name}", 128, 64, bias=False)
        for i in (1, 2):
            found |= layer(f"{cross}.end_proj{i}", 64, 128) | norm(f"{cross}.norm{i}", 64, False)
    return found


def nadinet_decoder(widths: tuple[int, ...]) -> Shapes:
    found = layer("outconvb", 1, 128, 1, 1)
    for i, width in enumerate(widths, start=1):
        found |= layer(f"reduce{i}.0", 128, width, 3, 3) | norm(f"reduce{i}.1", 128)
        found |= {f"NAM{i}.sigma": (1,)} | layer(f"outconv{i}", 1, 128, 1, 1)
        for conv in range(1, 8):
            outputs, inputs = (256, 256) if conv < 3 else (128, 128 if conv == 7 else 256)
            name = f"decoder{i}.conv{conv}"
            found |= layer(f"{name}.0", outputs, inputs, 3, 3) | norm(f"{name}.1", outputs)
        for gate in (1, 2, 3, 4):
            name = f"decoder{i}.cbam{gate}"
            found |= layer(f"{name}.ca.se.0", 8, 128, 1, 1, bias=False)
            found |= layer(f"{name}.ca.se.2", 128, 8, 1, 1, bias=False) | layer(f"{name}.sa.conv", 1, 2, 7, 7)
    kernels = {0: [(1, 1)]} | {b: [(1, 1), (1, k), (k, 1), (3, 3)] for b, k in ((1, 3), (2, 5), (3, 7))}
    for branch, sizes in kernels.items():
        for j, kernel in enumerate(sizes):
            name = f"GCM.branch{branch}.{j}"
            found |= layer(f"{name}.conv", 128, 128, *kernel, bias=False) | norm(f"{name}.bn", 128)
    for name, inputs, k in (("conv_cat", 512, 3), ("conv_res", 128, 1)):
        found |= layer(f"GCM.{name}.conv", 128, inputs, k, k, bias=False) | norm(f"GCM.{name}.bn", 128)
    return found


def nadinet_vgg16() -> Shapes:
    found = nadinet_decoder((64, 128, 256, 512, 512))
    # Slices of vgg16_bn's features between poolings; all but the first begin with the pooling.
    inputs = 3
    for name, width, depth in (("1", 64, 2), ("2", 128, 2), ("4", 256, 3), ("8", 512, 3), ("16", 512, 3)):
        for i in range(depth):
            place = 3 * i + (name != "1")
            found |= layer(f"encoder{name}.{place}", width, inputs, 3, 3)
            found |= norm(f"encoder{name}.{place + 1}", width)
            inputs = width
    return found


def basic_block(name: str, outputs: int, inputs: int) -> Shapes:
    found = layer(f"{name}.conv1", outputs, inputs, 3, 3, bias=False) | norm(f"{name}.bn1", outputs)
    found |= layer(f"{name}.conv2", outputs, outputs, 3, 3, bias=False) | norm(f"{name}.bn2", outputs)
    if outputs != inputs:
        found |= layer(f"{name}.downsample.0", outputs, inputs, 1, 1, bias=False)
        found |= norm(f"{name}.downsample.1", outputs)
    return found


def nadinet_resnet34() -> Shapes:
    found = nadinet_decoder((64, 128, 256, 512, 512)) | layer("inconv", 64, 3, 3, 3) | norm("inbn", 64)
    inputs = 64
    for i, (width, depth) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=1):
        for j in range(depth):
            found |= basic_block(f"encoder{i}.{j}", width, inputs)
            inputs = width
    for i in (1, 2, 3):
        found |= basic_block(f"resb5_{i}", 512, 512)
    return found


def nadinet_densenet201() -> Shapes:
    found = nadinet_decoder((64, 128, 256, 896, 1920))
    found |= layer("block1.0", 64, 3, 7, 7, bias=False) | norm("block1.1", 64)
    channels = 64
    for i, depth in enumerate((6, 12, 48, 32), start=1):
        for j in range(1, depth + 1):
            name = f"block{i + 1}.denselayer{j}"
            found |= norm(f"{name}.norm1", channels) | norm(f"{name}.norm2", 128)
            found |= layer(f"{name}.conv1", 128, channels, 1, 1, bias=False)
            found |= layer(f"{name}.conv2", 32, 128, 3, 3, bias=False)
            channels += 32
        if i < 4:
            found |= norm(f"transition{i}.norm", channels)
            found |= layer(f"transition{i}.conv", channels // 2, channels, 1, 1, bias=False)
            channels //= 2
    return found


VGG = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def deepsegmentor(batch: bool) -> Shapes:
    found: Shapes = layer("fuse_conv", 1, 5, 1, 1, bias=False)
    inputs = 3
    for i, (width, depth) in enumerate(VGG, start=1):
        for j in range(depth):
            found |= layer(f"conv{i}.{3 * j}", width, inputs, 3, 3, bias=False)
            found |= norm(f"conv{i}.{3 * j + 1}", width) if batch else {}
            inputs = width
        found |= layer(f"side_conv{i}", 1, width, 1, 1, bias=False)
    return found


def qinnzou() -> Shapes:
    found: Shapes = layer("final", 1, 5, 3, 3)
    inputs = 3
    leaves = (64, 64, 128, 256, 512)
    for i, (width, depth) in enumerate(VGG, start=1):
        for j in range(depth):
            found |= layer(f"down{i}.nn.{j}.conv", width, inputs, 3, 3)
            found |= layer(f"up{i}.nn.{j}.conv", leaves[i - 1] if j == depth - 1 else width, width, 3, 3)
            inputs = width
        found |= layer(f"fuse{i}.nn.conv", 64, width + leaves[i - 1], 3, 3) | layer(
            f"fuse{i}.conv", 1, 64, 3, 3
        )
    return found


def filled(shapes: Shapes, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            found[name] = torch.tensor(7)
        else:
            value = torch.randn(shape, generator=generator)
            value = value / math.prod(shape[1:]) ** 0.5 if len(shape) > 1 else 0.5 * value
            found[name] = value.abs() + 0.5 if name.endswith("running_var") else value
    return found


WHOLE: dict[str, Callable[[], Shapes]] = {
    "segmif": lambda: segmif_fusion() | segmif_segmentation(),
    "mfnet": mfnet,
    "nadinet_densenet201": nadinet_densenet201,
    "nadinet_vgg16": nadinet_vgg16,
    "nadinet_resnet34": nadinet_resnet34,
}


@pytest.mark.parametrize("model", WHOLE)
def test_every_name_and_shape_of_the_published_network_finds_its_place(model: str) -> None:
    with torch.device("meta"):
        theirs = {name: torch.empty(shape) for name, shape in WHOLE[model]().items()}
    (origin,) = ORIGINS[model]
    renamed, unknown = origin.renamed(theirs)
    assert unknown == []
    weights = origin.prepare(renamed)
    with torch.device("meta"):
        network = build(model, **origin.options(weights))
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert {name: tuple(value.shape) for name, value in weights.items()} == wanted


def test_segmif_leaves_its_dead_parameters_behind(tmp_path: Path) -> None:
    fusion, segmentation = filled(segmif_fusion(), 1), filled(segmif_segmentation(), 2)
    torch.save(fusion, tmp_path / "fusion.pth")
    torch.save({"state_dict": {f"module.{k}": v for k, v in segmentation.items()}}, tmp_path / "seg.pth")
    out = tmp_path / "segmif.safetensors"
    report = convert([tmp_path / "fusion.pth", tmp_path / "seg.pth"], "segmif", out)
    dead = [name for name in (*fusion, *segmentation) if name.startswith(("ffm2.", "denoise_net.classifier"))]
    assert (report.dropped, report.fresh) == (len(dead), 0)
    network, meta = load_checkpoint(out)
    assert (meta.options["encoder"], meta.options["classes"], len(meta.classes)) == ("mit_b0", 9, 9)
    assert sum(p.numel() for p in network.parameters()) == report.parameters
    (note,) = meta.training.pretrained
    assert "non-commercial" in note.licence
    assert network.pretrained == (note,)
    state = network.state_dict()
    joint = segmentation["denoise_net.encoder.block2.1.attn.kv.weight"]
    assert torch.equal(state["encoder.stages.1.blocks.1.attention.k_proj.weight"], joint[:64])
    assert torch.equal(state["encoder.stages.1.blocks.1.attention.v_proj.weight"], joint[64:])


def test_a_converted_fusion_network_computes_what_the_published_one_does(tmp_path: Path) -> None:
    theirs = filled(segmif_fusion(), 3)
    torch.save(theirs | filled(segmif_segmentation(), 4), tmp_path / "both.pth")
    convert([tmp_path / "both.pth"], "segmif", tmp_path / "out.safetensors")
    network, _ = load_checkpoint(tmp_path / "out.safetensors")
    generator = torch.Generator().manual_seed(5)
    vis, ir, average = (torch.rand(1, 1, 16, 24, generator=generator) for _ in range(3))
    stages = [torch.randn(1, 32, 4, 6, generator=generator), torch.randn(1, 64, 2, 3, generator=generator)]
    with torch.no_grad():
        got = network.fusion(vis, ir, average, stages)
    assert got.std() > 0.02
    torch.testing.assert_close(got, published_fusion(theirs, ir, vis, stages), atol=1e-3, rtol=1e-3)


def published_fusion(w: dict[str, Tensor], ir: Tensor, vis: Tensor, stages: list[Tensor]) -> Tensor:
    """The published fusion network written out over its own names (segmif.md; SegMiF section 3.2)."""

    def conv(name: str, x: Tensor, dilation: int = 1) -> Tensor:
        weight = w[f"{name}.weight"]
        return F.conv2d(
            x, weight, w[f"{name}.bias"], padding=dilation * (weight.shape[2] // 2), dilation=dilation
        )

    def prelu(x: Tensor) -> Tensor:
        return F.prelu(x, w["relu.weight"])

    def drdb(i: int, x: Tensor) -> Tensor:
        dense = x
        for j in range(1, 6):
            dense = torch.cat([dense, F.relu(conv(f"DRDB{i}.Dcov{j}", dense, 2))], dim=1)
        return x + F.relu(conv(f"DRDB{i}.conv", dense))

    def linear(name: str, x: Tensor) -> Tensor:
        return F.linear(x, w[f"ffm.cross.{name}.weight"], w.get(f"ffm.cross.{name}.bias"))

    def attention(query: Tensor, source: Tensor, name: str) -> Tensor:
        key, value = linear(name, source).chunk(2, dim=-1)
        heads = []
        for h in range(8):
            part = slice(8 * h, 8 * h + 8)
            context = torch.softmax(key[..., part].transpose(1, 2) @ value[..., part] * 8**-0.5, dim=1)
            heads.append(query[..., part] @ context)
        return torch.cat(heads, dim=-1)

    def hia(maps: list[Tensor]) -> list[Tensor]:
        tokens = [x.flatten(2).transpose(1, 2) for x in maps]
        halves = [
            F.relu(linear(f"channel_proj{i}", x)).chunk(2, dim=-1) for i, x in enumerate(tokens, start=1)
        ]
        found = []
        for i in (0, 1):
            soam = attention(halves[2][0], halves[i][0], f"cross_attn2.kv{i + 1}")
            moam = attention(halves[i][1], halves[2][1], "cross_attn.kv3")
            merged = tokens[i] + linear(f"end_proj{i + 1}", torch.cat([soam, moam], dim=-1))
            name = f"ffm.cross.norm{i + 1}"
            x = F.layer_norm(merged, (64,), w[f"{name}.weight"], w[f"{name}.bias"])
            found.append(x.transpose(1, 2).reshape(maps[i].shape))
        return found

    x, y = prelu(conv("conv1_ir", ir)), prelu(conv("conv1_vis", vis))
    for scale, stage in enumerate(stages):
        large = F.interpolate(stage, size=ir.shape[2:], mode="bilinear", align_corners=False)
        guide = conv(f"conv{scale + 3}", large)
        x, y = hia([drdb(2 * scale + 1, x), drdb(2 * scale + 2, y), guide])
    out = prelu(conv("conv2", torch.cat([x, y], dim=1)))
    return prelu(conv("conv22", prelu(conv("conv21", out))))


def test_a_converted_mfnet_computes_what_the_published_one_does(tmp_path: Path) -> None:
    theirs = filled(mfnet(5), 6)
    save_file(theirs, tmp_path / "mfnet.safetensors")
    names = tuple(ClassEntry(name=f"c{i}", color=(i, 0, 0)) for i in range(5))
    convert([tmp_path / "mfnet.safetensors"], "mfnet", tmp_path / "out.safetensors", names)
    network, meta = load_checkpoint(tmp_path / "out.safetensors")
    assert meta.classes == names
    rgb, ir = torch.rand(1, 3, 32, 48), torch.rand(1, 1, 32, 48)

    def conv(name: str, x: Tensor, d: int = 1) -> Tensor:
        x = F.conv2d(x, theirs[f"{name}.conv.weight"], theirs[f"{name}.conv.bias"], padding=d, dilation=d)
        mean, var, scale, shift = (
            theirs[f"{name}.bn.{kind}"] for kind in ("running_mean", "running_var", "weight", "bias")
        )
        return F.leaky_relu(F.batch_norm(x, mean, var, scale, shift), 0.2)

    def inception(name: str, x: Tensor) -> Tensor:
        for i in (1, 2, 3):
            x = torch.cat([conv(f"{name}.conv{i}_left", x), conv(f"{name}.conv{i}_right", x, 2)], dim=1)
        return x

    def stream(s: str, x: Tensor) -> Iterator[Tensor]:
        x = F.max_pool2d(conv(f"conv1_{s}", x), 2)
        for i in (2, 3):
            x = conv(f"conv{i}_2_{s}", conv(f"conv{i}_1_{s}", x))
            yield x
            x = F.max_pool2d(x, 2)
        x = inception(f"conv4_{s}", x)
        yield x
        yield inception(f"conv5_{s}", F.max_pool2d(x, 2))

    joint = [torch.cat(pair, dim=1) for pair in zip(stream("rgb", rgb), stream("inf", ir), strict=True)]
    x = joint[3]
    for i, skip in ((4, joint[2]), (3, joint[1]), (2, joint[0])):
        x = conv(f"decode{i}", F.interpolate(x, scale_factor=2.0) + skip)
    expected = conv("decode1", F.interpolate(x, scale_factor=2.0))
    with torch.no_grad():
        got = network(rgb, ir)["logits"]
    assert got.std() > 0.02
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("shapes", "options", "fresh"),
    [
        (deepsegmentor(batch=True), {"norm": "batch", "edge": "none"}, ("lift.", "attend", "sides.")),
        (deepsegmentor(batch=False), {"norm": "instance", "edge": "none"}, ("lift.", "attend", "sides.")),
        (qinnzou(), {"norm": "instance", "edge": "none"}, ("attend", "sides.")),
    ],
)
def test_deepcracks_trunks_fit_scnet(shapes: Shapes, options: dict[str, str], fresh: tuple[str, ...]) -> None:
    with torch.device("meta"):
        theirs = {name: torch.empty(shape) for name, shape in shapes.items()}
    (origin,) = (each for each in ORIGINS["scnet"] if each.knows(theirs))
    weights, _ = origin.renamed(theirs)
    assert origin.options(weights).items() <= options.items()
    with torch.device("meta"):
        wanted = build("scnet", **origin.options(weights)).state_dict()
    assert {name: value.shape for name, value in weights.items()} == {
        name: value.shape for name, value in wanted.items() if not name.startswith(fresh)
    }


class Custom:
    """What a training script might pickle beside the weights."""


def test_pickled_code_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.pth"
    torch.save({"state_dict": filled({"a.weight": (1,)}), "args": Custom()}, path)
    code = main(["convert", str(path), "--model", "mfnet", "--out", str(tmp_path / "x.safetensors")])
    error = capsys.readouterr().err
    assert code == 2
    assert re.fullmatch(r"TRN-103: .*pickled code \(.*Custom\).*\n", error)
    assert not (tmp_path / "x.safetensors").exists()


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    def refused(weights: object, model: str, message: str, suffix: str = ".pth") -> None:
        path = tmp_path / f"weights{suffix}"
        if isinstance(weights, bytes):
            path.write_bytes(weights)
        else:
            torch.save(weights, path)
        with pytest.raises(RigsightError, match=message) as caught:
            convert([path], model, tmp_path / "x.safetensors")
        assert "\n" not in caught.value.line()

    small = filled(mfnet(2))
    refused(small, "segmif", "TRN-206.*names of MFNet.*--model mfnet")
    refused(small, "mask_rcnn", "TRN-205.*segmif")
    refused({**small, "extra.weight": torch.zeros(1)}, "mfnet", "TRN-206.*'extra.weight'")
    refused({k: v for k, v in small.items() if "decode4" not in k}, "mfnet", "TRN-206.*incomplete")
    refused({**small, "decode4.conv.weight": torch.zeros(8, 132, 3, 3)}, "mfnet", "TRN-206.*decode4")
    refused(filled(segmif_fusion()), "segmif", "TRN-206.*segmentation network is missing")
    refused({"ffm2.cross.norm1.bias": torch.zeros(64)}, "segmif", "TRN-206.*no weights that")
    refused({**small, "conv1_inf.conv.weight": torch.zeros(3)}, "mfnet", "TRN-206.*other shapes")
    refused({"epoch": 3}, "mfnet", "TRN-103.*no named tensors")
    refused(b"PK\x03\x04 cut", "mfnet", "TRN-103")
    refused(b"", "mfnet", "TRN-103")
    refused(pickle.dumps([1]), "mfnet", "TRN-103", ".safetensors")
    with pytest.raises(RigsightError, match="TRN-103.*does not exist"):
        convert([tmp_path / "none.pth"], "mfnet", tmp_path / "x.safetensors")
    torch.save(small, tmp_path / "weights.pth")
    three = [ClassEntry(name=f"c{i}", color=(0, 0, i)) for i in range(3)]
    with pytest.raises(RigsightError, match="TRN-207.*2 classes, 3"):
        convert([tmp_path / "weights.pth"], "mfnet", tmp_path / "x.safetensors", three)
