"""What happens between jobs: the search space, the engine, its record and the contracts of its parts."""
