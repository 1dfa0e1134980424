"""The dashboards as typed code: ``make dashboards`` writes what Grafana reads."""
