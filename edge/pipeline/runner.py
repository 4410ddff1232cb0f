"""One run from a profile and what overrides it: open everything, run, sum up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rigsight.calibration.rig import Rig
from rigsight.edge import codes
from rigsight.edge.bundle.contract import wanted
from rigsight.edge.bundle.reader import Bundle, open_bundle
from rigsight.edge.bundle.spec import Variant
from rigsight.edge.bundle.start import INSTALLED, StartedSink, start_bundle
from rigsight.edge.cameras.driver import is_camera
from rigsight.edge.devices.instruments import Instruments
from rigsight.edge.devices.state import Change, DeviceState
from rigsight.edge.engines.select import EngineChoice, describe
from rigsight.edge.pairing_by_sequence import make_pairer
from rigsight.edge.pipeline.build import build_chain, share_cores
from rigsight.edge.pipeline.chain import Chain
from rigsight.edge.pipeline.heat import HeatGuard
from rigsight.edge.pipeline.summary import RunSummary
from rigsight.edge.pipeline.threaded import ThreadedPipeline
from rigsight.edge.profile import Profile
from rigsight.edge.sinks.base import Sink, open_sink, shows_confidence
from rigsight.edge.sinks.quality import QualitySink
from rigsight.edge.sources.base import Source, open_source
from rigsight.edge.sources.cameras import CameraSource
from rigsight.edge.sources.merged import MergedSource
from rigsight.edge.sources.uri import relocated


@dataclass
class RunPlan:
    """What to run, after flags have overridden the profile. Paths are relative to the working directory.

    ``bundle`` is a folder, a zip or ``installed:NAME``; ``trust`` a public key, ``store`` the folder of what
    is installed: see :func:`start_bundle`. ``devices`` maps names to URIs; ``distance_m`` is that of the
    surface until a device measures it.
    """

    profile: Profile = field(default_factory=lambda: Profile(name="run"))
    bundle: str | None = None
    trust: str | None = None
    store: str | None = None
    allow_downgrade: bool = False
    rig: str | None = None
    source: str | None = None
    cameras: dict[str, str] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    distance_m: float | None = None
    heat_bundle: str | None = None
    sinks: tuple[str, ...] = ()
    limit: int | None = None
    variant: Variant | None = None
    engine: EngineChoice = "auto"
    thermal_input: str | None = None
    threads: int | None = None

    @classmethod
    def of_profile(cls, path: str | Path | None) -> RunPlan:
        """What a profile says; its inputs are relative to its folder, its sinks to the working directory.

        Raises:
            RigsightError: PRF-001.
        """
        if path is None:
            return cls()
        profile, folder = Profile.load(path), Path(path).parent
        return cls(
            profile=profile,
            bundle=_bundle_from(folder, profile.bundle),
            trust=None if profile.trust is None else str(folder / profile.trust),
            rig=None if profile.rig is None else str(folder / profile.rig),
            source=None if profile.source is None else relocated(profile.source, folder),
            cameras={role: relocated(cam.whole_uri(), folder) for role, cam in profile.cameras.items()},
            devices={name: device.uri() for name, device in profile.devices.items()},
            heat_bundle=_bundle_from(folder, profile.heat.bundle),
            sinks=profile.sinks,
        )


def run(
    plan: RunPlan,
    progress: Callable[[int, int | None], None] | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Run a plan to its end and return the summary as plain values, ready for JSON.

    ``progress`` hears how many frame sets were delivered, of how many; ``note`` what should be known at once,
    such as a bundle that was rolled back.

    Raises:
        RigsightError: RUN-001 without source or bundle, RUN-002 where a rig is needed, RUN-005 where the
            source has no camera that the bundle takes, and what bundle, rig, source, stages and sinks raise.
    """
    if plan.bundle is None:
        raise codes.RUN_INCOMPLETE("no bundle is given", fix="Add --bundle, or name one in the profile.")
    share_cores(plan.threads)
    with ExitStack() as stack:
        start = stack.enter_context(
            start_bundle(plan.bundle, plan.trust, plan.store, allow_downgrade=plan.allow_downgrade, note=note)
        )
        bundle = start.bundle
        source = stack.enter_context(closing(open_plan_source(plan)))
        rig, how = choose_rig(plan, source, wanted(bundle.part()))
        chain = build_chain(
            bundle,
            rig,
            surface=plan.profile.surface if rig is not None else None,
            agc=plan.profile.agc,
            thermal_input=plan.thermal_input,
            variant=plan.variant,
            engine=plan.engine,
            note=start.say,
            threads=plan.threads,
            confidence=any(shows_confidence(text) for text in plan.sinks),
            maps="measured" if source.live or plan.profile.queues.pace == "live" else "rule",
        )
        stack.callback(chain.close)
        heat = HeatGuard(plan.profile.heat, note=note)
        lighter = _lighter_chain(plan, bundle, rig, start.say)
        if lighter is not None:
            stack.callback(lighter.close)
        if plan.distance_m is not None and chain.follower is not None:
            chain.follower.set(plan.distance_m)
        instruments = Instruments(plan.devices)
        sinks: list[Sink] = [
            stack.enter_context(closing(open_sink(text, bundle.spec.classes))) for text in plan.sinks
        ]
        quality = QualitySink()
        scored = not source.live and "fused" in bundle.part().outputs
        expected = _expected(plan.limit, source.count)
        queues = plan.profile.queues
        if bundle.spec.preprocessing.geometry.kind == "tile":  # photos are large, and none is in a hurry
            queues = queues.model_copy(update={"depth": 1})
        pipeline = ThreadedPipeline(
            source,
            make_pairer(source, plan.profile.pairing, rig.time_offset_s if rig is not None else None),
            chain,
            [StartedSink(start), *sinks, *([quality] if scored else [])],
            queues,
            limit=plan.limit,
            progress=None if progress is None else lambda done: progress(done, expected),
            instruments=instruments if plan.devices else None,
            heat=heat,
            lighter=lighter,
        )
        tell = _Teller(note)
        if isinstance(source, CameraSource):
            source.watch(tell)
        instruments.watch(tell)
        stack.callback(instruments.stop)
        instruments.start()
        stack.callback(heat.stop)
        heat.start()
        summary = pipeline.run()
        running = describe(chain.predictor.engine)
        cameras = source.report() if isinstance(source, CameraSource) else {}
        report = _report(plan, bundle, summary, how, quality)
        seen = {"cameras": cameras, "devices": instruments.report(), "board": heat.report()}
        return {**report, **running, **seen, "notes": start.notes}


def _lighter_chain(
    plan: RunPlan, bundle: Bundle, rig: Rig | None, note: Callable[[str], None]
) -> Chain | None:
    """What runs while the board is hot, where the profile names it. Raises RUN-007 where it does not fit."""
    name = plan.heat_bundle
    if name is None:
        return None
    other = open_bundle(name)
    same = other.spec.classes == bundle.spec.classes and other.size == bundle.size
    if not same or other.spec.task != bundle.spec.task:
        raise codes.LIGHTER_BUNDLE(f"{other.id} against {bundle.id}", where=name)
    return build_chain(
        other,
        rig,
        surface=plan.profile.surface if rig is not None else None,
        agc=plan.profile.agc,
        thermal_input=plan.thermal_input,
        engine=plan.engine,
        note=note,
        threads=plan.threads,
    )


class _Teller:
    """Says what somebody who watches a run should know of cameras and devices, and nothing twice in a row."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._said: dict[str, str] = {}

    def __call__(self, name: str, change: Change) -> None:
        if change.state in (DeviceState.LOST, DeviceState.SILENT):
            text = f"{name}: {change.state.value}, {change.reason}"
        elif change.state is DeviceState.STREAMING:
            text = f"{name}: streaming"
        else:
            return
        if self._said.get(name) != text:
            self._said[name] = text
            self._note(text)


def open_plan_source(plan: RunPlan) -> Source:
    """The plan's source, or its one or two cameras as one. Raises RUN-001 where it has neither, SRC-…."""
    if plan.source is not None:
        return open_source(plan.source)
    if not plan.cameras:
        raise codes.RUN_INCOMPLETE("no source is given", fix="Add --source, --rgb or --thermal.")
    if all(is_camera(uri) for uri in plan.cameras.values()):
        return CameraSource(plan.cameras)
    opened = [open_source(uri, role) for role, uri in sorted(plan.cameras.items())]
    return opened[0] if len(opened) == 1 else MergedSource(*opened)


def choose_rig(plan: RunPlan, source: Source, wants: Sequence[str]) -> tuple[Rig | None, str]:
    """The rig to align with and a sentence that says how; ``wants`` are the cameras of the bundle.

    Raises:
        RigsightError: CAL-… for a rig that cannot be read, RUN-002 where one is needed, RUN-005 where the
            source has none of the cameras.
    """
    cameras = [role for role in source.cameras if role in wants]
    if not cameras:
        raise codes.CAMERA_OF_BUNDLE(
            f"the bundle takes {' and '.join(wants)}, the source has {' and '.join(source.cameras)}",
            where=plan.bundle,
        )
    if plan.rig is not None:
        return Rig.load(plan.rig), f"by {plan.rig}"
    if source.rig is not None:
        return source.rig, "by the geometry that the source itself knows"
    if len(cameras) == 1:
        return None, f"only the {cameras[0]} camera: nothing to align"
    if source.aligned:
        return None, "no rig: the pictures count as aligned"
    raise codes.RIG_NEEDED(f"{' and '.join(cameras)} are not aligned and there is no rig")


def _bundle_from(folder: Path, bundle: str | None) -> str | None:
    if bundle is None or bundle.startswith(INSTALLED):
        return bundle
    return str(folder / bundle)


def _expected(limit: int | None, count: int | None) -> int | None:
    known = [number for number in (limit, count) if number is not None]
    return min(known, default=None)


def _report(
    plan: RunPlan, bundle: Bundle, summary: RunSummary, note: str, quality: QualitySink
) -> dict[str, Any]:
    width, height = bundle.size
    return {
        **summary.as_json(),
        "aligned": note,
        "bundle": bundle.id,
        "width": width,
        "height": height,
        "geometry": bundle.spec.preprocessing.geometry.kind,
        "fusion_quality": quality.result(),
        "fusion_quality_pairs": quality.count,
        "sinks": list(plan.sinks),
    }
