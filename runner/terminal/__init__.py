"""What a command reads and shows: arguments, messages, and no secret in either."""
