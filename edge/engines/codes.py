"""Error codes of engines (ENG): TensorRT, CUDA, and the providers of ONNX Runtime."""

from rigsight.base.errors import ENVIRONMENT, define

TENSORRT_MISSING = define(
    "ENG-001",
    "TensorRT is not installed, or too old",
    "On a Jetson: sudo apt install nvidia-jetpack; elsewhere install NVIDIA's tensorrt 10.3 or newer. "
    "Without it 'rigsight run' uses ONNX Runtime.",
    ENVIRONMENT,
)
CUDA_MISSING = define(
    "ENG-002",
    "There is no CUDA to run on",
    "Install the GPU's driver and cuda-python or pycuda; 'rigsight doctor' says which of them is there.",
    ENVIRONMENT,
)
ENGINE_STALE = define(
    "ENG-003",
    "There is no fresh TensorRT engine of the bundle on this machine",
    "Build one here: rigsight build BUNDLE.",
    ENVIRONMENT,
)
ENGINE_BROKEN = define(
    "ENG-004",
    "A TensorRT engine of the cache cannot be used",
    "Build it again: rigsight build BUNDLE --force.",
    ENVIRONMENT,
)
ENGINE_UNTRUSTED = define(
    "ENG-005",
    "A TensorRT engine could have been written by somebody else",
    "Loading an engine runs the code in it: delete the file or folder named here and build again.",
    ENVIRONMENT,
)
GRAPH_REFUSED = define(
    "ENG-006",
    "TensorRT cannot build the graph",
    "Run the bundle with '--engine onnxruntime', and report the operator named here.",
)
GPU_MEMORY = define(
    "ENG-007",
    "There is not enough memory for the GPU's work",
    "Close other programs (on a Jetson also the desktop), add swap, or build a smaller variant.",
    ENVIRONMENT,
)
GPU_FAILED = define(
    "ENG-008",
    "The GPU failed at its work",
    "Run again; when it fails again run with '--engine onnxruntime' and report what is said here.",
    ENVIRONMENT,
)
PROVIDER_MISSING = define(
    "ENG-009",
    "ONNX Runtime does not offer that provider here",
    "Install the onnxruntime package that has it, or use '--engine auto'; 'rigsight doctor' lists them.",
    ENVIRONMENT,
)
