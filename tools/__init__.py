"""What builds, checks and tests the project; not in the wheel."""
