"""Grafana dashboards as code: what is here builds the JSON under `deploy/grafana/`, which is committed and never edited."""
