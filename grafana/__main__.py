"""Write the dashboards: ``python -m grafana``, or ``make dashboards``. A test fails when one is stale."""

from grafana.files import build_files

if __name__ == "__main__":
    for path, text in build_files().items():
        path.write_text(text)
