"""Imports point one way: the contracts in setup.cfg hold."""

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from tests.harness.processes import REPOSITORY


def test_imports_keep_every_contract(capsys):
    status = lint_imports(config_filename=str(REPOSITORY / "setup.cfg"), no_cache=True)

    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out
