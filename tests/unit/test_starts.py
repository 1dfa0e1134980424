"""What a process does not load before it is needed: every command, worker and test pays for it."""

import json
import subprocess
import sys

import pytest

from tests.harness.processes import REPOSITORY

# A chat model's side: only where one is set.
MODEL = {"langchain", "langchain_openai", "openai", "ticketflow.adapters.llm_engine", "ticketflow.engines.llm.chat"}
# Loaded with the first ticket that a process works on, or by a command of its own.
ON_FIRST_USE = {"onnxruntime", "tokenizers", "py3langid", "matplotlib"}
GRAPH = {"langchain_core", "langgraph", "langsmith"}
ENGINES = {"numpy", "ticketflow.engines.embedded"}


@pytest.mark.parametrize(
    ("module", "unneeded"),
    [
        ("ticketflow.storage.leases", MODEL | ON_FIRST_USE | GRAPH | ENGINES | {"alembic", "celery", "flask"}),
        ("ticketflow.tasks.steps", MODEL | ON_FIRST_USE | {"flask"}),
        ("ticketflow.api", MODEL | ON_FIRST_USE | GRAPH | {"celery.apps.worker"}),
    ],
)
def test_what_is_not_needed_yet_is_not_loaded(module, unneeded):
    code = f"import json, sys; import {module}; print(json.dumps([*sys.modules]))"

    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, text=True, capture_output=True)

    assert unneeded & {*json.loads(done.stdout)} == set()
