"""Real things that tests run against, started by the suite itself from what PyPI has."""
