"""Category, language, mood and haste: a small classifier fitted on the operator's taxonomy."""
