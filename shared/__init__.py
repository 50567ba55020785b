"""The contract between the services, and process plumbing. Holds no business rule and imports nothing of ours."""
