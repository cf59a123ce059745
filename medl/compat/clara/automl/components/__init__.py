"""Clara's contracts and components, by their old paths."""
