"""The console of a running search: a small server beside the engine's loop, and its client. See docs/console.md."""
