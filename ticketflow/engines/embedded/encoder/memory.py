"""Keep what the model no longer needs from staying in the process."""

import ctypes

# glibc's mallopt(3) parameters.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_ARENA_MAX = -8
_LARGE_BYTES = 1_000_000
_ARENAS = 2


def keep_memory_low() -> None:
    """Let the C library give large blocks back to the system as soon as they are free; elsewhere than on glibc nothing.

    Left to itself it raises its idea of large with every block that is freed, up to 32 MB, and keeps the rest:
    a worker that has read a few long tickets then holds 50 MB that nobody uses.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return
    library.mallopt(_ARENA_MAX, _ARENAS)
    library.mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
    library.mallopt(_TRIM_THRESHOLD, _LARGE_BYTES)


def return_free_memory() -> None:
    """Give back what is free now; worth its milliseconds after something large was loaded."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
