"""Start the exporter as its image does: options from ``CE_*`` variables."""

from src.cli import cli

if __name__ == "__main__":
    cli(auto_envvar_prefix="CE")
