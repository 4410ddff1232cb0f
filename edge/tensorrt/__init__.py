"""TensorRT on this machine: what its version can do, building engines, and the cache they are kept in."""
