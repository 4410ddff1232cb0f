"""Entry point: finds the verb, runs it, and turns errors into one line and an exit code."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Sequence

from rigsight import __version__
from rigsight.base.errors import ENVIRONMENT, RigsightError, define

INTERRUPTED_EXIT = 130

BAD_USAGE = define("CLI-001", "The command line is not understood", "Add --help to see how it is used.")
INTERNAL = define(
    "CLI-002",
    "An unexpected failure inside rigsight",
    "Run again with RIGSIGHT_TRACEBACK=1 set and report what it prints.",
    ENVIRONMENT,
)
INTERRUPTED = define(
    "CLI-003", "Stopped by the user", "Files written so far are whole; run again to continue.", ENVIRONMENT
)
MISSING_PART = define(
    "CLI-004", "An optional part is not installed", "Install it as the message says.", ENVIRONMENT
)

# verb -> one line of help; rigsight/cli/<verb>.py (- as _) holds `app` (a typer.Typer).
VERBS: dict[str, str] = {
    "demo": "the whole chain on the simulated rig, with a report to look at",
    "board": "draw a calibration board to print or cut, with its board.yaml",
    "calibrate": "board pictures of two cameras -> rig.yaml",
    "time-offset": "clips of a waved board -> offset of the cameras' clocks",
    "check-rig": "have the cameras moved since the calibration?",
    "rig": "show rig.yaml; exchange it with Kalibr, ROS, OpenCV, COLMAP, mrcal",
    "align": "align one RGB + thermal pair",
    "data": "make dataset.yaml, check a data set, draw a page of samples",
    "train": "train a model from a configuration",
    "evaluate": "score a checkpoint or a bundle",
    "convert": "published weights -> checkpoint",
    "export": "checkpoint -> bundle",
    "build": "TensorRT engines of a bundle, on the machine that will run them",
    "bundle": "inspect, verify, sign a bundle; install it, and go back",
    "run": "cameras or files -> masks",
    "devices": "serial ports: what is on them, and what it says",
    "bench": "measure stages as ratios to the naive way",
    "doctor": "what this machine lacks, and the command that mends it",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code (0 fine, 1 environment, 2 the user's input, 3 and 4 as
    ``check-rig`` says, 130 Ctrl-C)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(words)
        sys.stdout.flush()  # a reader that went away is noticed here and not at shutdown
        return code
    except RigsightError as error:
        return _fail(error)
    except KeyboardInterrupt:
        _fail(INTERRUPTED("interrupted"))
        return INTERRUPTED_EXIT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("rigsight"):
            missing = f"the module '{error.name}' is missing"
            return _fail(MISSING_PART(missing, fix=_how_to_install(error.name)))
        if os.environ.get("RIGSIGHT_TRACEBACK"):
            raise
        return _fail(INTERNAL(f"{type(error).__name__}: {error}"))


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        return 0
    if words[0] in ("-V", "--version"):
        print(f"rigsight {__version__}")
        return 0
    return run_verb(words[0], words[1:])


def run_verb(verb: str, words: list[str]) -> int:
    """Import the verb's module and run its typer application on ``words``."""
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        hint = f"Did you mean 'rigsight {near[0]}'?" if near else "'rigsight --help' lists the verbs."
        raise BAD_USAGE(f"there is no verb '{verb}'", fix=hint)
    import typer

    app = importlib.import_module(f"rigsight.cli.{verb.replace('-', '_')}").app
    command = typer.main.get_command(app)
    try:
        code = command.main(args=words, prog_name=f"rigsight {verb}", standalone_mode=False)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except typer.Exit as error:
        code = error.exit_code
    except Exception as error:
        explain = getattr(error, "format_message", None)  # click's usage errors, vendored by typer or not
        if explain is None:
            raise
        raise BAD_USAGE(explain(), where=f"rigsight {verb}") from None
    if code == INTERRUPTED_EXIT:  # typer turns Ctrl-C into this exit code, without a word
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def overview() -> str:
    """The text of ``rigsight --help``."""
    rows = "\n".join(f"  {verb:<13}{text}" for verb, text in VERBS.items())
    title = f"rigsight {__version__}: RGB + thermal rigs, from a calibration board to masks on a robot"
    return f"{title}\n\n{rows}\n\nrigsight VERB --help shows a verb's options and an example."


def _fail(error: RigsightError) -> int:
    sys.stdout.flush()
    print(error.line(), file=sys.stderr)
    return error.exit_code


def _how_to_install(module: str | None) -> str:
    if module in ("torch", "torchvision", "lightning", "torchmetrics", "transformers", "safetensors"):
        return "Install the training part: pip install 'rigsight[training]'."
    if module in ("onnx", "onnxscript"):
        return "Install the export part: pip install 'rigsight[export]'."
    return f"Install it: pip install {module}."


def entry() -> None:
    """Console-script entry point."""
    sys.exit(main())
