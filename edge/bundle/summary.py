"""What a bundle holds, for ``rigsight bundle inspect`` and for reports."""

from __future__ import annotations

from typing import Any

from rigsight.edge.bundle.reader import UNLISTED, Bundle


def summary(bundle: Bundle) -> dict[str, Any]:
    """Plain values: identity, signing key, tensors, classes, accuracy, files with sha256, provenance."""
    spec = bundle.spec
    data = spec.model_dump(mode="json", exclude_none=True)
    sizes = bundle.storage.sizes
    return {
        "id": bundle.id,
        "path": str(bundle.path),
        "sha256": bundle.sha256,
        "bytes": sum(sizes.values()),
        "signed": bundle.signed,
        "key": None if bundle.trust is None else bundle.trust.fingerprint,
        **{key: data[key] for key in ("name", "release", "task", "model", "classes", "parts")},
        "threshold": spec.threshold,
        **({"host_steps": data["host_steps"], "instances": data["instances"]} if spec.instances else {}),
        **{key: data[key] for key in ("preprocessing", "accuracy", "metric", "min_accuracy")},
        **{key: data[key] for key in ("verdicts", "licences", "provenance")},
        "files": {path: {"bytes": sizes[path], "sha256": digest} for path, digest in spec.files.items()},
        "unlisted": {path: sizes[path] for path in UNLISTED if path in sizes},
    }
