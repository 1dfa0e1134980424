"""Every failure of docs/runbook.md, made to happen and repaired with the runbook's own commands: ``make drills``."""
