"""What a config may name, one class a file. Installed as ``medl.components``; import it by that name only."""
