"""Clara's admin console, as far as user code names it."""
