"""The `sightline` command, one file a subcommand."""
