"""The declared parts: one folder a role, one YAML an option."""
