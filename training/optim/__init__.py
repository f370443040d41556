"""How gradients become steps: rules, schedules, averages."""
