"""ONNX Runtime's execution providers: which the installed package offers, and how each is opened."""

from __future__ import annotations

from typing import Any, Literal

from rigsight.edge.engines import codes

Provider = Literal["cpu", "cuda", "tensorrt", "openvino"]

NAMES: dict[Provider, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
# TensorRT inside ONNX Runtime builds for minutes at every start: only who asks for it gets it.
_PREFERRED: tuple[Provider, ...] = ("cuda", "openvino", "cpu")


def available() -> list[Provider]:
    """What the installed package offers, of those known here."""
    import onnxruntime

    offered = onnxruntime.get_available_providers()
    return [provider for provider, name in NAMES.items() if name in offered]


def preferred() -> Provider:
    """The first of CUDA, OpenVINO and CPU that is offered; the plain package has only the last."""
    offered = available()
    return next((provider for provider in _PREFERRED if provider in offered), "cpu")


def session_providers(provider: Provider) -> list[str | tuple[str, dict[str, Any]]]:
    """The list for ``InferenceSession``: the one asked for, then those that take what it cannot.

    Engines that the TensorRT provider builds are not cached: it would load them without asking whose they
    are.

    Raises:
        RigsightError: ENG-009 where the package does not offer it.
    """
    offered = available()
    if provider not in offered:
        raise codes.PROVIDER_MISSING(f"onnxruntime has {', '.join(offered)}, not {provider}")
    options: dict[str, Any] = {"device_type": "CPU"} if provider == "openvino" else {}
    chain: list[str | tuple[str, dict[str, Any]]] = (
        [(NAMES[provider], options)] if options else [NAMES[provider]]
    )
    if provider == "tensorrt" and "cuda" in offered:
        chain.append(NAMES["cuda"])
    if provider != "cpu":
        chain.append(NAMES["cpu"])
    return chain
